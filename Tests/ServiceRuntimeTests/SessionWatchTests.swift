import Contracts
import Foundation
import Logging
import RPC
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import ServiceRuntime

/// Auth as the watch sees it: it knows which sessions live, and remembers what it was asked.
private final class AuthPeer: Sendable {
    private let living: Mutex<Set<SessionID>>
    private let support: Mutex<Set<UUID>>
    private let questions = Mutex<[[SessionID]]>([])

    init(living: Set<SessionID>, support: Set<UUID> = []) {
        self.living = Mutex(living)
        self.support = Mutex(support)
    }

    /// Everything that was asked so far, the oldest first.
    var asked: [[SessionID]] { questions.withLock { $0 } }

    var client: RPCClient {
        var router = RPCRouter(service: .auth)
        router.on(AuthRPC.LivingSessions.self) { request, _ in
            self.questions.withLock { $0.append(request.sessions) }
            let known = self.living.withLock { $0 }
            let running = self.support.withLock { $0 }
            return AuthRPC.LivingSessions.Result(
                living: request.sessions.filter { known.contains($0) }, livingSupport: request.supportSessions?.filter { running.contains($0) })
        }
        return .local(router, caller: .delivery)
    }

    func revoke(_ session: SessionID) {
        living.withLock { living in _ = living.remove(session) }
    }

    func end(_ session: UUID) {
        support.withLock { support in _ = support.remove(session) }
    }
}

@Suite("Streams end with their sessions")
struct SessionWatchTests {
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test("a stream lives on while Auth names its session")
    func lives() async throws {
        let session = SessionID(UUID())
        let auth = AuthPeer(living: [session])
        let watch = SessionWatch(auth: auth.client, logger: quiet)
        try await running([watch]) {
            try await watch.watching(session) { isLive in
                // Asked so often that the word of the beginning alone would no longer do.
                try await eventually("asked six times") {
                    let isStillLive = await isLive()
                    #expect(isStillLive)
                    return auth.asked.count >= 6
                }
            }
        }
        #expect(auth.asked.allSatisfy { $0 == [session] })
    }

    @Test("a stream whose session Auth no longer names ends within a second, the others do not")
    func ends() async throws {
        let (revoked, other) = (SessionID(UUID()), SessionID(UUID()))
        let auth = AuthPeer(living: [revoked, other])
        let watch = SessionWatch(auth: auth.client, logger: quiet)
        try await running([watch]) {
            try await watch.watching(revoked) { isRevokedLive in
                try await watch.watching(other) { isOtherLive in
                    try await eventually("both were asked about") { auth.asked.contains { Set($0) == [revoked, other] } }
                    let wasLive = await isRevokedLive()
                    #expect(wasLive)
                    auth.revoke(revoked)
                    try await eventually("the stream has ended", within: .seconds(1)) { await !isRevokedLive() }
                    let isStillLive = await isOtherLive()
                    #expect(isStillLive)
                }
            }
        }
    }

    @Test("a stream for support ends with the support session, or with the session of the person, whichever ends first")
    func support() async throws {
        let (session, ended, other) = (SessionID(UUID()), UUID(), UUID())
        let auth = AuthPeer(living: [session], support: [ended, other])
        let watch = SessionWatch(auth: auth.client, logger: quiet)
        try await running([watch]) {
            try await watch.watching(session, support: ended) { isEndedLive in
                try await watch.watching(session, support: other) { isOtherLive in
                    try await eventually("both live on though asked about") {
                        let areLive = await (isEndedLive(), isOtherLive())
                        #expect(areLive.0 && areLive.1)
                        return auth.asked.count >= 6
                    }
                    auth.end(ended)
                    try await eventually("the stream has ended", within: .seconds(1)) { await !isEndedLive() }
                    let isStillLive = await isOtherLive()
                    #expect(isStillLive)
                    auth.revoke(session)
                    try await eventually("the other has ended too", within: .seconds(1)) { await !isOtherLive() }
                }
            }
        }
    }

    @Test("an Auth that speaks of no support sessions vouches for none")
    func olderAuth() async throws {
        let session = SessionID(UUID())
        var router = RPCRouter(service: .auth)
        router.on(AuthRPC.LivingSessions.self) { request, _ in AuthRPC.LivingSessions.Result(living: request.sessions) }
        let watch = SessionWatch(auth: .local(router, caller: .audit), logger: quiet)
        try await running([watch]) {
            try await watch.watching(session, support: UUID()) { isLive in
                try await eventually("the stream has ended", within: .seconds(1)) { await !isLive() }
            }
        }
    }

    @Test("a stream ends when nobody can be asked about its session, but not at once")
    func unreachable() async throws {
        let session = SessionID(UUID())
        let watch = SessionWatch(auth: .failing, logger: quiet)
        try await running([watch]) {
            let began = ContinuousClock.now
            try await watch.watching(session) { isLive in
                let isLiveAtFirst = await isLive()
                #expect(isLiveAtFirst)
                try await eventually("the stream has ended", within: .seconds(4)) { await !isLive() }
            }
            #expect(ContinuousClock.now - began >= .seconds(2))
        }
    }

    @Test("nothing is asked while no stream is open")
    func silence() async throws {
        let (session, beat) = (SessionID(UUID()), SessionID(UUID()))
        let auth = AuthPeer(living: [session])
        let watch = SessionWatch(auth: auth.client, logger: quiet)
        // Another watch with an open stream shows that time goes by.
        let metronome = AuthPeer(living: [beat])
        let other = SessionWatch(auth: metronome.client, logger: quiet)
        try await running([watch, other]) {
            try await other.watching(beat) { _ in
                try await eventually("the other has asked three times") { metronome.asked.count >= 3 }
                #expect(auth.asked.isEmpty)
                try await watch.watching(session) { _ in
                    try await eventually("it is asked about the open stream") { !auth.asked.isEmpty }
                }
                // A question that was already on its way may still arrive.
                let ended = metronome.asked.count
                try await eventually("the other has asked once more") { metronome.asked.count > ended }
                let known = auth.asked.count
                try await eventually("the other has asked three times more") { metronome.asked.count >= ended + 4 }
                #expect(auth.asked.count == known)
            }
        }
        #expect(auth.asked.allSatisfy { $0 == [session] })
    }

    /// Runs `body` while the watches look, and ends them gracefully.
    private func running(_ watches: [SessionWatch], _ body: @escaping @Sendable () async throws -> Void) async throws {
        let group = ServiceGroup(configuration: .init(services: watches, logger: quiet))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let result: Result<Void, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try result.get()
        }
    }
}
