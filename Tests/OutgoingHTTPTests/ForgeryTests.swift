import OutgoingHTTP
import Testing

/// Requests that somebody would have us send into our own network. The addresses are read as for development here: what is tested is the last
/// check, which asks the socket.
@Suite("Requests into our own network")
struct ForgeryTests {
    @Test(
        "no socket is opened to an address inside, however it is written",
        arguments: [
            "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "localhost", "LOCALHOST", "sub.localhost", "[::1]",
            "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
        ])
    func loopback(host: String) async throws {
        try await ScriptedServer.run { peer in
            _ = try await peer.request()
            try await peer.answer("200 OK")
        } client: { server in
            let client = try OutgoingHTTP.test(reach: .publicAddresses)
            let code = await code { () async throws(OutgoingError) in try await client.post("https://\(host):\(server.port)/") }
            #expect(code == .refusedAddress)
            #expect(server.connections == 0)
        }
    }

    @Test(
        "nor to any other private range",
        arguments: [
            "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "192.0.0.8", "198.18.0.1",
            "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16", "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[64:ff9b::a9fe:a9fe]",
            "[2002:a9fe:a9fe::]", "[2001::1]", "[::]", "[ff02::1]", "[::10.0.0.1]",
        ])
    func ranges(host: String) async throws {
        let client = try OutgoingHTTP.test(reach: .publicAddresses) { $0.connect = .seconds(2) }
        #expect(await code { () async throws(OutgoingError) in try await client.post("https://\(host)/") } == .refusedAddress)
    }

    @Test("a name of the Internet that stands for an address inside leads nowhere", arguments: ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1"])
    func rebinding(address: String) async throws {
        try await ScriptedServer.run { peer in
            _ = try await peer.request()
            try await peer.answer("200 OK")
        } client: { server in
            let name = "hooks.example.com:\(server.port):\(address)"
            let client = try OutgoingHTTP.test(reach: .publicAddresses, names: [name])
            #expect(
                await code { () async throws(OutgoingError) in try await client.post("https://hooks.example.com:\(server.port)/") } == .refusedAddress
            )
            #expect(server.connections == 0)
        }
    }

    @Test("a name that stands for several addresses is not reached by those inside")
    func severalAddresses() async throws {
        try await ScriptedServer.run {
            try await $0.untilClosed()
        } client: { server in
            let client = try OutgoingHTTP.test(reach: .publicAddresses, names: ["hooks.example.com:\(server.port):127.0.0.1,10.0.0.1,[::1]"])
            #expect(
                await code { () async throws(OutgoingError) in try await client.post("https://hooks.example.com:\(server.port)/") } == .refusedAddress
            )
            #expect(server.connections == 0)
        }
    }

    @Test("unencrypted is not spoken where only the Internet is meant")
    func unencrypted() async throws {
        let client = try OutgoingHTTP.test(reach: .publicAddresses)
        #expect(await code { () async throws(OutgoingError) in try await client.post("http://example.com/") } == .malformedAnswer)
    }

    @Test("a redirect is an answer, and nobody goes where it points", arguments: ["301 Moved", "302 Found", "303 See Other", "307 Go", "308 Go"])
    func redirects(status: String) async throws {
        try await ScriptedServer.run {
            try await $0.untilClosed()
        } client: { inside in
            let target = inside.port
            try await ScriptedServer.run { peer in
                _ = try await peer.request()
                try await peer.answer(status, headers: "Location: http://127.0.0.1:\(target)/\r\n")
            } client: { server in
                let client = try OutgoingHTTP.test()
                let answer = try await client.post("http://127.0.0.1:\(server.port)/")
                #expect(answer.status == Int(status.prefix(3)))
                #expect(inside.connections == 0 && server.connections == 1)
            }
        }
    }
}
