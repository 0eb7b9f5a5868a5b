import Foundation
import HTTP

/// Writes a mail's HTML anew from a short list of elements and attributes: no scripts, no styles, no forms, no frames, nothing loaded from elsewhere
/// unless asked for. What is not on the list loses its tags and keeps its text, or goes with all that is in it.
enum HTMLSanitiser {
    struct Result: Sendable, Equatable {
        let html: String
        let hasHiddenImages: Bool
    }

    static let longest = 1_000_000
    static let deepest = 100

    static func sanitise(_ html: String, showsImages: Bool) -> Result {
        var writer = Writer(showsImages: showsImages)
        var tokens = HTMLTokenizer(html)
        while let token = tokens.next(), writer.output.count < longest { writer.take(token) }
        writer.closeAll()
        return Result(html: String(decoding: writer.output, as: UTF8.self), hasHiddenImages: writer.hasHiddenImages)
    }

    private struct Writer {
        let showsImages: Bool
        var output: [UInt8] = []
        var hasHiddenImages = false
        private var open: [String] = []
        /// The element that is left out with all that is in it, and how many of its kind are open.
        private var hidden: (name: String, depth: Int)?

        init(showsImages: Bool) {
            self.showsImages = showsImages
        }

        mutating func take(_ token: HTMLTokenizer.Token) {
            if let hidden {
                switch token {
                case .start(hidden.name, _): self.hidden?.depth += 1
                case .end(hidden.name): self.hidden = hidden.depth > 1 ? (hidden.name, hidden.depth - 1) : nil
                default: break
                }
                return
            }
            switch token {
            case .text(let bytes): HTMLReferences.appendText(bytes, to: &output)
            case .start(let name, let attributes): start(name, attributes)
            case .end(let name): end(name)
            }
        }

        mutating func closeAll() {
            while !open.isEmpty { close() }
        }

        private mutating func start(_ name: String, _ attributes: [(name: String, value: ArraySlice<UInt8>)]) {
            if HTMLSanitiser.leftOut.contains(name) {
                hidden = (name, 1)
                return
            }
            if name == "img" {
                image(attributes)
                return
            }
            guard let allowed = HTMLSanitiser.elements[name] else { return }
            closeImplied(by: name)
            guard open.count < HTMLSanitiser.deepest else { return }
            output += "<\(name)".utf8
            for attribute in attributes where allowed.contains(attribute.name) || attribute.name == "dir" {
                if let value = HTMLSanitiser.checked(attribute.name, HTMLReferences.resolved(attribute.value)) { add(attribute.name, value) }
            }
            if name == "a" {
                add("rel", "noopener noreferrer nofollow")
                add("target", "_blank")
            }
            output.append(UInt8(ascii: ">"))
            if !HTMLSanitiser.void.contains(name) { open.append(name) }
        }

        private mutating func image(_ attributes: [(name: String, value: ArraySlice<UInt8>)]) {
            func value(_ name: String) -> String? { attributes.first { $0.name == name }.map { HTMLReferences.resolved($0.value) } }
            let source = value("src").flatMap { HTMLSanitiser.address($0, schemes: ["http", "https"]) }
            guard let source, showsImages else {
                if source != nil { hasHiddenImages = true }
                if let words = value("alt") { output += String(words.prefix(500)).htmlEscaped.utf8 }
                return
            }
            output += "<img".utf8
            add("src", source)
            add("alt", String((value("alt") ?? "").prefix(500)))
            for name in ["width", "height"] {
                if let size = value(name).flatMap({ HTMLSanitiser.checked(name, $0) }) { add(name, size) }
            }
            add("referrerpolicy", "no-referrer")
            add("loading", "lazy")
            output.append(UInt8(ascii: ">"))
        }

        private mutating func add(_ name: String, _ value: String) {
            output += " \(name)=\"\(value.htmlEscaped)\"".utf8
        }

        /// An element that nobody opened is not closed; those inside it are.
        private mutating func end(_ name: String) {
            guard let place = open.lastIndex(of: name) else { return }
            while open.count > place { close() }
        }

        private mutating func close() {
            guard let name = open.popLast() else { return }
            output += "</\(name)>".utf8
        }

        /// A paragraph ends where the next begins, as do items and cells.
        private mutating func closeImplied(by name: String) {
            guard let ended = HTMLSanitiser.implied[name] else { return }
            while let last = open.last, ended.contains(last) { close() }
        }
    }

    // MARK: - What is let through

    private static let elements: [String: Set<String>] = {
        let plain = [
            "p", "div", "span", "br", "hr", "b", "strong", "i", "em", "u", "s", "strike", "del", "ins", "small", "sub", "sup", "mark", "blockquote",
            "pre", "code", "tt", "ul", "dl", "dt", "dd", "li", "h1", "h2", "h3", "h4", "h5", "h6", "thead", "tbody", "tfoot", "tr", "caption",
            "center",
        ]
        var elements = Dictionary(uniqueKeysWithValues: plain.map { ($0, Set<String>()) })
        for name in ["p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "tr"] { elements[name] = ["align"] }
        elements["a"] = ["href", "title"]
        elements["ol"] = ["start"]
        elements["table"] = ["width", "align", "cellpadding", "cellspacing", "border"]
        for name in ["td", "th"] { elements[name] = ["colspan", "rowspan", "align", "valign", "width"] }
        return elements
    }()

    private static let void: Set<String> = ["br", "hr"]
    /// With all that is in them; the tokenizer has passed over what is no HTML in the first.
    private static let leftOut = HTMLTokenizer.rawText.union([
        "svg", "math", "object", "applet", "template", "select", "audio", "video", "canvas", "frameset",
    ])
    private static let implied: [String: Set<String>] = [
        "p": ["p"], "li": ["li", "p"], "dt": ["dt", "dd", "p"], "dd": ["dt", "dd", "p"], "td": ["td", "th", "p"], "th": ["td", "th", "p"],
        "tr": ["td", "th", "tr", "p"], "tbody": ["td", "th", "tr", "thead", "tbody"], "tfoot": ["td", "th", "tr", "thead", "tbody"],
    ]

    /// The value as it may stand; nil for what it must not be.
    private static func checked(_ name: String, _ value: String) -> String? {
        switch name {
        case "href": return address(value, schemes: ["http", "https", "mailto"])
        case "title": return String(value.prefix(500))
        case "dir": return ["ltr", "rtl", "auto"].contains(value.lowercased()) ? value.lowercased() : nil
        case "align", "valign":
            let known = ["left", "right", "center", "justify", "top", "middle", "bottom", "baseline"]
            return known.contains(value.lowercased()) ? value.lowercased() : nil
        default:
            // A number, or a part of the whole.
            let digits = value.hasSuffix("%") ? value.dropLast() : value[...]
            return (1...4).contains(digits.utf8.count) && digits.utf8.allSatisfy { (0x30...0x39).contains($0) } ? value : nil
        }
    }

    /// As browsers read it: blanks around it and line breaks in it do not count, and only what names one of the schemes is an address.
    static func address(_ value: String, schemes: Set<String>) -> String? {
        var scalars = value.unicodeScalars.filter { $0 != "\t" && $0 != "\n" && $0 != "\r" }[...]
        while let first = scalars.first, first.value <= 0x20 { scalars.removeFirst() }
        while let last = scalars.last, last.value <= 0x20 { scalars.removeLast() }
        guard scalars.count <= 4_000, scalars.allSatisfy({ $0.value > 0x20 && $0.value != 0x7F }), let colon = scalars.firstIndex(of: ":") else {
            return nil
        }
        let scheme = String(String.UnicodeScalarView(scalars[..<colon])).lowercased()
        guard schemes.contains(scheme) else { return nil }
        return String(String.UnicodeScalarView(scalars))
    }
}
