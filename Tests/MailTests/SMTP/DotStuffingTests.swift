import NIOCore
import Testing

@testable import Mail

@Suite struct DotStuffingTests {
    @Test(arguments: [
        ("", ".\r\n"),
        ("a\r\n", "a\r\n.\r\n"),
        ("a", "a\r\n.\r\n"),
        (".", "..\r\n.\r\n"),
        (".\r\n", "..\r\n.\r\n"),
        (".a\r\n..b\r\nc.\r\n", "..a\r\n...b\r\nc.\r\n.\r\n"),
        ("a\r\n\r\n.\r\n\r\n", "a\r\n\r\n..\r\n\r\n.\r\n"),
        // What another server could take for the end of the message.
        ("a\n.\nMAIL FROM:<eve@example.com>\n", "a\r\n..\r\nMAIL FROM:<eve@example.com>\r\n.\r\n"),
        ("a\r.\rb", "a\r\n..\r\nb\r\n.\r\n"),
        ("a\n.\r\nb", "a\r\n..\r\nb\r\n.\r\n"),
        ("a\r\r\n.b", "a\r\n\r\n..b\r\n.\r\n"),
        ("a\r", "a\r\n.\r\n"),
        ("\n\n", "\r\n\r\n.\r\n"),
    ])
    func wireForm(message: String, expected: String) {
        #expect(String(buffer: DotStuffing.stuffed(Array(message.utf8))) == expected)
    }

    @Test func undoneByTheReceiver() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            let length = Int.random(in: 0...60, using: &generator)
            let message = (0..<length).map { _ in [".", "a", "\r\n"].randomElement(using: &generator)! }.joined()
            let wire = String(buffer: DotStuffing.stuffed(Array(message.utf8)))
            let lines = wire.split(separator: "\r\n", omittingEmptySubsequences: false)
            #expect(lines.suffix(2) == [".", ""])
            #expect(lines.filter { $0 == "." }.count == 1)
            let received = lines.dropLast(2).map { ($0.first == "." ? $0.dropFirst() : $0) + "\r\n" }.joined()
            #expect(received == (message.isEmpty || message.hasSuffix("\r\n") ? message : message + "\r\n"))
        }
    }
}
