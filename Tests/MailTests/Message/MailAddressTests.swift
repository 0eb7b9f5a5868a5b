import Mail
import Testing

@Suite struct MailAddressTests {
    @Test(arguments: [
        ("ada@example.com", "ada", "example.com"),
        ("  Ada.Lovelace+list@Mail.Example.COM\t", "Ada.Lovelace+list", "Mail.Example.COM"),
        ("o'brien@xn--mnchen-3ya.de", "o'brien", "xn--mnchen-3ya.de"),
        ("!#$%&'*+-/=?^_`{|}~@a-b.c1", "!#$%&'*+-/=?^_`{|}~", "a-b.c1"),
    ])
    func accepted(text: String, local: String, domain: String) throws {
        let address = try MailAddress(text)
        #expect(address.localPart == local)
        #expect(address.domain == domain)
        #expect(address.description == "\(local)@\(domain)")
    }

    @Test(arguments: [
        ("", MailAddressError.empty), ("   ", .empty), ("ada", .missingAt), ("@example.com", .invalidLocalPart), ("ada@", .invalidDomain),
        (".ada@example.com", .invalidLocalPart), ("ada.@example.com", .invalidLocalPart), ("a..b@example.com", .invalidLocalPart),
        ("a b@example.com", .invalidLocalPart), ("\"ada\"@example.com", .invalidLocalPart), ("a@b@example.com", .invalidLocalPart),
        ("<ada@example.com>", .invalidLocalPart), ("ada@localhost", .invalidDomain), ("ada@example..com", .invalidDomain),
        ("ada@-example.com", .invalidDomain), ("ada@example-.com", .invalidDomain), ("ada@exa_mple.com", .invalidDomain),
        ("ada@example.com.", .invalidDomain), ("ada@127.0.0.1", .invalidDomain), ("ada@[127.0.0.1]", .invalidDomain),
        ("ädä@example.com", .internationalLocalPart), ("ada@münchen.de", .internationalDomain),
        ("ada@example.com\r\nBcc: eve@example.com", .controlCharacter), ("ada\0@example.com", .controlCharacter),
        ("ada@example.com\n", .controlCharacter),
    ])
    func refused(text: String, error: MailAddressError) {
        #expect(throws: error) { try MailAddress(text) }
    }

    @Test func lengths() throws {
        let local = String(repeating: "a", count: 64)
        #expect(throws: Never.self) { try MailAddress("\(local)@example.com") }
        #expect(throws: MailAddressError.invalidLocalPart) { try MailAddress("\(local)a@example.com") }
        let label = String(repeating: "b", count: 63)
        #expect(throws: Never.self) { try MailAddress("a@\(label).com") }
        #expect(throws: MailAddressError.invalidDomain) { try MailAddress("a@b\(label).com") }
        let longest = "a@\(label).\(label).\(label).\(String(repeating: "c", count: 58)).d"
        #expect(longest.utf8.count == 254 - 0)
        #expect(throws: Never.self) { try MailAddress(longest) }
        #expect(throws: MailAddressError.tooLong) { try MailAddress("a\(longest)") }
    }

    @Test func normalizedIgnoresCase() throws {
        #expect(try MailAddress(" Ada@Example.COM ").normalized == "ada@example.com")
    }

    @Test func nonASCIILocalPartOnRequest() throws {
        let address = try MailAddress("Ädä@example.com", allowingUTF8: true)
        #expect(!address.isASCII)
        #expect(address.normalized == "ädä@example.com")
        #expect(throws: MailAddressError.internationalDomain) { try MailAddress("a@ä.de", allowingUTF8: true) }
    }
}
