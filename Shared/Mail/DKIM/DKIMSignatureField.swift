/// Writes a `DKIM-Signature`, folded at lines of at most 76 bytes wherever a name of its own is not longer.
struct DKIMSignatureField {
    static let name = "DKIM-Signature"
    private static let lineLimit = 76
    /// A line with less room left for the signature is not worth beginning.
    private static let smallestPiece = 16

    /// Without the line end of the last line.
    private(set) var bytes: [UInt8] = []
    private var column = 0

    /// Everything up to `b=`, which is what is hashed.
    init(algorithm: DKIMKey.Algorithm, domain: String, selector: String, time: Int, expiry: Int?, listed: [String], bodyHash: String) {
        bytes.reserveCapacity(1_200)
        append("\(Self.name):")
        for tag in ["v=1;", "a=\(algorithm.rawValue);", "c=relaxed/relaxed;", "d=\(domain);", "s=\(selector);", "t=\(time);"] { add(tag) }
        if let expiry { add("x=\(expiry);") }
        for (index, name) in listed.enumerated() {
            let end = index + 1 == listed.count ? ";" : ":"
            if index == 0 { add("h=\(name)\(end)") } else { add("\(name)\(end)", after: "") }
        }
        add("bh=\(bodyHash);")
        add("b=")
    }

    /// The signature itself, in Base64.
    mutating func add(signature: String) {
        var rest = signature.utf8[...]
        while !rest.isEmpty {
            if Self.lineLimit - column < min(Self.smallestPiece, rest.count) { fold() }
            let piece = rest.prefix(Self.lineLimit - column)
            bytes += piece
            column += piece.count
            rest = rest.dropFirst(piece.count)
        }
    }

    private mutating func add(_ text: String, after blank: String = " ") {
        if column + blank.utf8.count + text.utf8.count > Self.lineLimit { fold() } else { append(blank) }
        append(text)
    }

    private mutating func fold() {
        bytes += .lineEnd
        bytes.append(UInt8(ascii: " "))
        column = 1
    }

    private mutating func append(_ text: String) {
        bytes += text.utf8
        column += text.utf8.count
    }
}
