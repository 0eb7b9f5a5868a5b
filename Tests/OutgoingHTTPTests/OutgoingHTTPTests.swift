import Foundation
import OutgoingHTTP
import Synchronization
import TestSupport
import Testing

@Suite("Posts to other people's servers")
struct OutgoingHTTPTests {
    @Test("the body and the headers arrive as they were given, a large body without asking first", arguments: [0, 2, 2_000_000])
    func request(size: Int) async throws {
        let seen = Mutex<ScriptedPeer.Request?>(nil)
        let body = String(repeating: "x", count: size)
        try await ScriptedServer.run { peer in
            let request = try await peer.request()
            seen.withLock { $0 = request }
            try await peer.answer("202 Accepted", body: "thanks")
        } client: { server in
            let client = try OutgoingHTTP.test()
            let answer = try await client.post(
                "http://127.0.0.1:\(server.port)/hook?a=b", headers: [("content-type", "application/json"), ("webhook-id", "1")], body: body)
            #expect(answer.status == 202 && answer.body == Data("thanks".utf8) && !answer.isCut && answer.duration > .zero)
        }
        let request = try #require(seen.withLock { $0 })
        #expect(request.line == "POST /hook?a=b HTTP/1.1" && request.body == body)
        #expect(request.headers["content-type"] == "application/json" && request.headers["webhook-id"] == "1")
        #expect(request.headers["user-agent"] == "Test" && request.headers["content-length"] == "\(size)")
        #expect(request.headers["expect"] == nil && request.headers["cookie"] == nil && request.headers["authorization"] == nil)
    }

    @Test("a header that would begin another one is not sent", arguments: ["a\r\nX-Other: b", "a\nb", "a\u{0}b", "ä"])
    func injection(value: String) async throws {
        let client = try OutgoingHTTP.test()
        #expect(
            await code { () async throws(OutgoingError) in try await client.post("http://127.0.0.1:1/", headers: [("x-name", value)]) } == .library)
    }

    @Test("one connection serves one request after the other")
    func reuse() async throws {
        try await ScriptedServer.run { peer in
            while true {
                _ = try await peer.request()
                try await peer.answer("200 OK", body: "\(peer.number)")
            }
        } client: { server in
            let client = try OutgoingHTTP.test()
            for _ in 0..<5 { #expect(try await client.post("http://127.0.0.1:\(server.port)/").body == Data("0".utf8)) }
            #expect(server.connections == 1)
        }
    }

    @Test("of an endless answer only the beginning is read, and the connection is broken off")
    func endlessBody() async throws {
        let isClosed = Mutex(false)
        try await ScriptedServer.run { peer in
            _ = try await peer.request()
            defer { isClosed.withLock { $0 = true } }
            try await peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while true { try await peer.send("1000\r\n\(String(repeating: "y", count: 4_096))\r\n") }
        } client: { server in
            let client = try OutgoingHTTP.test { $0.answer = 65_536 }
            let answer = try await client.post("http://127.0.0.1:\(server.port)/")
            #expect(answer.status == 200 && answer.isCut && answer.body.count == 65_536)
            try await eventually("the connection is closed") { isClosed.withLock { $0 } }
        }
    }

    @Test("an answer that is as long as may be is whole")
    func longestBody() async throws {
        try await ScriptedServer.run { peer in
            _ = try await peer.request()
            try await peer.answer("200 OK", body: String(repeating: "y", count: 1_000))
        } client: { server in
            let client = try OutgoingHTTP.test { $0.answer = 1_000 }
            let answer = try await client.post("http://127.0.0.1:\(server.port)/")
            #expect(!answer.isCut && answer.body.count == 1_000)
        }
    }

    @Test("an endless head is an error")
    func endlessHead() async throws {
        try await ScriptedServer.run { peer in
            _ = try await peer.request()
            try await peer.send("HTTP/1.1 200 OK\r\n")
            while true { try await peer.send("X-Filler: \(String(repeating: "z", count: 1_000))\r\n") }
        } client: { server in
            let client = try OutgoingHTTP.test { $0.head = 20_000 }
            #expect(await code { () async throws(OutgoingError) in try await client.post("http://127.0.0.1:\(server.port)/") } == .tooMuch)
        }
    }

    @Test(
        "who says nothing, or a little at a time, is given up when the time is over",
        arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"])
    func slow(beginning: String) async throws {
        try await ScriptedServer.run { peer in
            _ = try await peer.request()
            if !beginning.isEmpty { try await peer.send(beginning) }
            try await peer.untilClosed()
        } client: { server in
            let client = try OutgoingHTTP.test { $0.total = .milliseconds(300) }
            #expect(await code { () async throws(OutgoingError) in try await client.post("http://127.0.0.1:\(server.port)/") } == .timeout)
        }
    }

    @Test("who hangs up without an answer, or in the middle of one, is an error", arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"])
    func brokenOff(beginning: String) async throws {
        try await ScriptedServer.run { peer in
            _ = try await peer.request()
            if !beginning.isEmpty { try await peer.send(beginning) }
        } client: { server in
            let client = try OutgoingHTTP.test()
            #expect(await code { () async throws(OutgoingError) in try await client.post("http://127.0.0.1:\(server.port)/") } == .connection)
        }
    }

    @Test("what is no HTTP is no answer")
    func garbage() async throws {
        try await ScriptedServer.run { peer in
            _ = try await peer.request()
            try await peer.send("220 mail.example ESMTP\r\n")
            try await peer.untilClosed()
        } client: { server in
            let client = try OutgoingHTTP.test()
            #expect(await code { () async throws(OutgoingError) in try await client.post("http://127.0.0.1:\(server.port)/") } == .malformedAnswer)
        }
    }

    @Test("nobody there, and no such name, are told apart")
    func nobody() async throws {
        let client = try OutgoingHTTP.test()
        let port = try freePort()
        #expect(await code { () async throws(OutgoingError) in try await client.post("http://127.0.0.1:\(port)/") } == .connection)
        #expect(await code { () async throws(OutgoingError) in try await client.post("http://nobody.invalid/") } == .nameNotFound)
    }

    @Test("a certificate must be for the name, and from an authority that is trusted")
    func certificates() async throws {
        let (right, wrong) = (try await TestCertificate(), try await TestCertificate(names: "DNS:other.example"))
        for (certificate, trusted, expected) in [
            (right, right.certificateFile, nil), (right, "", .encryption), (right, wrong.certificateFile, .encryption),
            (wrong, wrong.certificateFile, .encryption),
        ] as [(TestCertificate, String, OutgoingError.Code?)] {
            try await ScriptedServer.run(certificate: certificate) { peer in
                _ = try await peer.request()
                try await peer.answer("200 OK")
            } client: { server in
                let client = try OutgoingHTTP.test(certificates: trusted)
                #expect(await code { () async throws(OutgoingError) in try await client.post("https://localhost:\(server.port)/") } == expected)
            }
        }
    }

    @Test("fifty servers that do not answer keep nobody from a fifty-first")
    func sideBySide() async throws {
        let isDone = Mutex(false)
        try await ScriptedServer.run { peer in
            if try await peer.request().body == "slow" {
                try await eventually("the fast one has its answer") { isDone.withLock { $0 } }
            }
            try await peer.answer("200 OK")
        } client: { server in
            let client = try OutgoingHTTP.test()
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<50 { group.addTask { try await client.post("http://127.0.0.1:\(server.port)/", body: "slow").status } }
                try await eventually("all slow ones are there") { server.connections == 50 }
                #expect(try await client.post("http://127.0.0.1:\(server.port)/", body: "fast").status == 200)
                isDone.withLock { $0 = true }
                for try await status in group { #expect(status == 200) }
            }
        }
    }

    @Test("a cancelled task breaks the connection off; one that was cancelled before does not begin")
    func cancellation() async throws {
        let hasBegun = Mutex(false)
        let isClosed = Mutex(false)
        try await ScriptedServer.run { peer in
            _ = try await peer.request()
            hasBegun.withLock { $0 = true }
            try await peer.untilClosed()
            isClosed.withLock { $0 = true }
        } client: { server in
            let client = try OutgoingHTTP.test()
            let post = Task { await code { () async throws(OutgoingError) in try await client.post("http://127.0.0.1:\(server.port)/") } }
            try await eventually("the request is there") { hasBegun.withLock { $0 } }
            post.cancel()
            #expect(await post.value == .cancelled)
            try await eventually("the connection is closed") { isClosed.withLock { $0 } }
            let late = Task {
                try? await Task.sleep(for: .seconds(60))
                return await code { () async throws(OutgoingError) in try await client.post("http://127.0.0.1:\(server.port)/") }
            }
            late.cancel()
            #expect(await late.value == .cancelled)
        }
    }

    @Test("more than may be under way are refused, and the next ones find room again")
    func busy() async throws {
        let hasBegun = Mutex(false)
        let mayEnd = Mutex(false)
        try await ScriptedServer.run { peer in
            _ = try await peer.request()
            hasBegun.withLock { $0 = true }
            try await eventually("the other one was refused") { mayEnd.withLock { $0 } }
            try await peer.answer("200 OK")
        } client: { server in
            let client = try OutgoingHTTP.test { $0.requests = 1 }
            let first = Task { try await client.post("http://127.0.0.1:\(server.port)/").status }
            try await eventually("the request is there") { hasBegun.withLock { $0 } }
            #expect(await code { () async throws(OutgoingError) in try await client.post("http://127.0.0.1:\(server.port)/") } == .busy)
            mayEnd.withLock { $0 = true }
            #expect(try await first.value == 200)
            #expect(try await client.post("http://127.0.0.1:\(server.port)/").status == 200)
        }
    }
}
