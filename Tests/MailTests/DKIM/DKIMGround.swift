import Foundation
import TestSupport
import Testing

@testable import Mail

/// Two keys, made once, and what DNS would say of them.
enum DKIMGround {
    static let domain = "sender.example"
    static let keys = Result {
        [
            try DKIMKey.make(selector: "ed2026", algorithm: .ed25519), try DKIMKey.make(selector: "rsa2026", algorithm: .rsa),
        ]
    }
    static let instant = Date(timeIntervalSince1970: 1_793_872_800.9)

    static func signer(lifetime: TimeInterval? = nil) throws -> DKIMSigner {
        DKIMSigner(domain: domain, keys: try keys.get(), lifetime: lifetime)
    }

    static func zone() throws -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: try keys.get().map {
                ("\($0.selector)._domainkey.\(domain)", "v=DKIM1; k=\($0.algorithm == .rsa ? "rsa" : "ed25519"); p=\($0.publicKey)")
            })
    }

    static func signed(_ message: [UInt8]) throws -> [UInt8] {
        try signer().signed(message, at: instant)
    }

    /// Records an issue for every message of which not both signatures verify.
    static func expectVerified(_ messages: [String: [UInt8]], sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let names = messages.keys.sorted()
        let signed = try names.map { try Self.signed(messages[$0] ?? []) }
        // On the wire every mail ends a line.
        let arrived = signed.map { $0.endsWithLineEnd ? $0 : $0 + .lineEnd }
        let verdicts = try await IndependentDKIM.verdicts(of: arrived, zone: try zone())
        try #require(verdicts.count == names.count, sourceLocation: sourceLocation)
        for (name, verdict) in zip(names, verdicts) { #expect(verdict == [true, true], "\(name)", sourceLocation: sourceLocation) }
    }
}

/// The tags of a signature, and the lines that it takes.
struct DKIMSignatureText {
    let lines: [String]
    let tags: [String: String]

    /// Of the `number`th signature of a message.
    init(_ message: [UInt8], number: Int = 0) throws {
        let head = String(decoding: message, as: UTF8.self).components(separatedBy: "\r\n\r\n")[0]
        var fields: [[String]] = []
        for line in head.components(separatedBy: "\r\n") {
            if line.hasPrefix(" ") || line.hasPrefix("\t"), !fields.isEmpty {
                fields[fields.count - 1].append(line)
            } else {
                fields.append([line])
            }
        }
        let signatures = fields.filter { $0[0].hasPrefix("DKIM-Signature:") }
        try #require(signatures.count > number)
        lines = signatures[number]
        let text = lines.joined().dropFirst("DKIM-Signature:".count)
        let pairs = text.split(separator: ";").map { tag in
            let sides = tag.split(separator: "=", maxSplits: 1)
            return (sides[0].trimmingCharacters(in: .whitespaces), sides[1].filter { !$0.isWhitespace })
        }
        tags = Dictionary(uniqueKeysWithValues: pairs)
    }
}
