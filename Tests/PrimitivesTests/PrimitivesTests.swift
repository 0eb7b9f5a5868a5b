import Foundation
import Primitives
import Synchronization
import Testing

@Suite("Identifiers, secrets, wake-ups")
struct PrimitivesTests {
    @Test("a version 7 identifier carries its instant and sorts by it")
    func identifiers() {
        let instant = Date(timeIntervalSince1970: 1_795_464_652.691)
        let first = UUID.v7(at: instant)
        let second = UUID.v7(at: instant.addingTimeInterval(0.001))
        #expect(first.v7Instant == instant)
        #expect(first.uuidString < second.uuidString)
        #expect(first != UUID.v7(at: instant))
        let many = (0..<2_000).map { _ in UUID.v7(at: instant).uuidString }
        #expect(many == many.sorted())
        #expect(UUID(uuidString: "C0FFEE00-0000-4000-8000-000000000000")?.v7Instant == nil)
    }

    @Test("base64 for addresses goes both ways, padded or not", arguments: 0..<20)
    func base64(length: Int) {
        let data = randomBytes(length)
        #expect(Data(base64URL: data.base64URL) == data)
        #expect(!data.base64URL.contains { "+/=".contains($0) })
    }

    @Test("a sealed secret opens in its place only, unaltered only, and also after the key was rotated")
    func sealing() throws {
        let old = try Keyring(current: "k1", keys: ["k1": Data(repeating: 1, count: 32)])
        let tenant = UUID()
        let place = Keyring.Place(purpose: "mailboxes.password", row: "1", tenant: tenant)
        let sealed = try old.seal(Data("hunter2".utf8), for: place)
        #expect(!sealed.contains("hunter2"))
        let rotated = try Keyring(current: "k2", keys: ["k1": Data(repeating: 1, count: 32), "k2": Data(repeating: 2, count: 32)])
        #expect(try rotated.open(sealed, for: place) == Data("hunter2".utf8))
        #expect(try rotated.seal(Data("x".utf8), for: place).hasPrefix("v1.k2."))
        for wrong in [
            Keyring.Place(purpose: "mailboxes.password", row: "2", tenant: tenant),
            Keyring.Place(purpose: "mails.content", row: "1", tenant: tenant), Keyring.Place(purpose: "mailboxes.password", row: "1", tenant: UUID()),
        ] {
            #expect(throws: (any Error).self) { try old.open(sealed, for: wrong) }
        }
        // Changed in its bytes: the last letter of the text may stand for bits that no byte has.
        let bytes = try #require(Data(base64URL: String(sealed.split(separator: ".")[2])))
        for index in bytes.indices {
            var altered = bytes
            altered[index] ^= 1
            #expect(throws: (any Error).self) { try old.open("v1.k1.\(altered.base64URL)", for: place) }
        }
        #expect(throws: KeyringError.unknownKey("k3")) { try old.open(sealed.replacing("k1", with: "k3"), for: place) }
        #expect(throws: KeyringError.self) { try Keyring(current: "k1", keys: ["k1": Data(count: 16)]) }
    }

    @Test("a tag proves its message for its purpose and nothing else")
    func tags() throws {
        let keyring = try Keyring(current: "k1", keys: ["k1": randomBytes(32)])
        let tag = try keyring.authenticate(Data("a".utf8), purpose: "p")
        #expect(keyring.isAuthentic(tag, message: Data("a".utf8), purpose: "p"))
        #expect(!keyring.isAuthentic(tag, message: Data("b".utf8), purpose: "p"))
        #expect(!keyring.isAuthentic(tag, message: Data("a".utf8), purpose: "q"))
        #expect(!keyring.isAuthentic("k9.\(tag.dropFirst(3))", message: Data("a".utf8), purpose: "p"))
        #expect(!keyring.isAuthentic("", message: Data("a".utf8), purpose: "p"))
    }

    @Test("a signal before the wait is kept, a hundred are one, and a wait ends by itself or by cancellation")
    func wakeups() async {
        let wakeup = Wakeup()
        for _ in 0..<100 { wakeup.signal() }
        await wakeup.wait(atMost: .seconds(60))
        await wakeup.wait(atMost: .milliseconds(5))
        let task = Task { await wakeup.wait(atMost: .seconds(60)) }
        task.cancel()
        await task.value
        async let waiting: Void = wakeup.wait(atMost: .seconds(60))
        wakeup.signal()
        await waiting
    }

    @Test("an actor on a thread executor runs one job at a time, in order, and never on the pool")
    func threads() async {
        let recorder = Recorder()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<200 { group.addTask { await recorder.add(number) } }
        }
        let (count, threads) = await (recorder.count, recorder.threads)
        #expect(count == 200)
        #expect(threads.count == 1)
        #expect(!threads.contains(UInt(pthread_self())))
    }

    private actor Recorder {
        private let executor = ThreadExecutor(name: "recorder")
        nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
        var count = 0
        var threads: Set<UInt> = []

        func add(_ number: Int) {
            count += 1
            threads.insert(UInt(pthread_self()))
        }
    }
}
