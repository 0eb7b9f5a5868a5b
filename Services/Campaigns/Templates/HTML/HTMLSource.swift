/// A template's HTML, and what stands where in it.
struct HTMLSource: Sendable {
    let bytes: [UInt8]
    /// One after another, from the first byte to the last.
    let tokens: [HTMLToken]

    /// Throws where a mail program would have to guess what was meant: a tag, a comment or a style sheet without an end.
    init(_ source: String) throws(MailText.SyntaxError) {
        bytes = Array(source.utf8)
        do throws(TemplateFault) {
            try MailText.checkLength(bytes)
            tokens = try HTMLTokenizer.tokens(of: bytes)
        } catch {
            throw MailText.SyntaxError(error, in: bytes, part: .html)
        }
    }
}

/// A piece of HTML.
enum HTMLToken: Sendable, Equatable {
    /// What people read.
    case text(Range<Int>)
    /// The inside of an element that holds characters only: a title, a text field.
    case characters(Range<Int>)
    /// The inside of a script or a style sheet.
    case raw(Range<Int>)
    /// A comment or a declaration.
    case comment(Range<Int>)
    case tag(HTMLTag)
}

/// `<a href="…">` or `</a>`.
struct HTMLTag: Sendable, Equatable {
    /// In lower case.
    let name: String
    let isEnd: Bool
    let range: Range<Int>
    let nameRange: Range<Int>
    let attributes: [HTMLAttribute]

    /// Of two attributes of one name the first counts.
    func attribute(_ name: String) -> HTMLAttribute? {
        attributes.first { $0.name == name }
    }
}

struct HTMLAttribute: Sendable, Equatable {
    /// In lower case.
    let name: String
    let nameRange: Range<Int>
    /// Without its quotes; empty where there is none.
    let value: Range<Int>
    let isQuoted: Bool
}
