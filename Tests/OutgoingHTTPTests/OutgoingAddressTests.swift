import OutgoingHTTP
import Testing

@Suite("Addresses that tenants name")
struct OutgoingAddressTests {
    @Test(
        "addresses of the Internet under https are taken as they stand",
        arguments: [
            ("https://example.com", "example.com", 443), ("https://Hooks.Example.com/a?b=c&d=%20", "hooks.example.com", 443),
            ("https://example.com:8443/x", "example.com", 8443), ("HTTPS://example.com/", "example.com", 443),
            ("https://8.8.8.8/x", "8.8.8.8", 443), ("https://[2606:4700::1111]/x", "[2606:4700::1111]", 443),
            ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443),
        ])
    func taken(text: String, host: String, port: Int) throws {
        let address = try OutgoingAddress(text, reach: .publicAddresses)
        #expect(address.text == text && address.host == host && address.port == port)
    }

    @Test(
        "what is no address, not encrypted, or could be read in two ways is refused",
        arguments: [
            "", "example.com", "//example.com/", "http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/",
            "https://", "https:///path", "https://user@example.com/", "https://user:password@example.com/", "https://@example.com/",
            "https://example.com\\@inside.example/", "https://exa mple.com/", "https://example.com/\u{0}", "https://example.com/\r\nX: y",
            "https://bücher.example/", "https://example.com:0/", "https://example.com:65536/", "https:/example.com/", "https:example.com/",
            "https://ex_ample.com/",
            "https://example.com%2f.inside.example/", "https://[::1/", "https://[::1]x/", "https://[v1.x]/", "javascript:alert(1)",
            "https://" + String(repeating: "a", count: 2_000),
        ])
    func refused(text: String) {
        let error = #expect(throws: OutgoingError.self) { _ = try OutgoingAddress(text, reach: .publicAddresses) }
        #expect(error?.code == .invalidAddress)
    }

    @Test(
        "addresses inside are refused when they are named, however they are written",
        arguments: [
            "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "0", "0.0.0.0", "10.0.0.1", "172.16.0.1",
            "192.168.0.1", "169.254.169.254", "0xa9fea9fe", "2852039166", "100.100.100.200", "168.63.129.16", "224.0.0.1", "255.255.255.255",
            "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[fe80::1]", "[fc00::1]",
            "[fd00:ec2::254]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[ff02::1]",
        ])
    func inside(host: String) {
        let error = #expect(throws: OutgoingError.self) { _ = try OutgoingAddress("https://\(host)/hook", reach: .publicAddresses) }
        #expect(error?.code == .invalidAddress)
    }

    @Test(
        "ports of the machine's own services and of databases are refused", arguments: [22, 25, 80, 110, 465, 587, 1_023, 3_306, 5_432, 6_379, 9_200])
    func ports(port: Int) {
        let error = #expect(throws: OutgoingError.self) { _ = try OutgoingAddress("https://example.com:\(port)/", reach: .publicAddresses) }
        #expect(error?.code == .invalidAddress)
    }

    @Test(
        "for development any host and port may be named, but nothing besides http and https",
        arguments: ["http://localhost:1/x", "http://127.0.0.1:25/"])
    func development(text: String) throws {
        #expect(try OutgoingAddress(text, reach: .anywhere).text == text)
        #expect(throws: OutgoingError.self) { _ = try OutgoingAddress("gopher://localhost:1/x", reach: .anywhere) }
    }
}
