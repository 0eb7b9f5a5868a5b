import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceRuntime

/// A company's inbox as it changes (text/event-stream): each thread that changed, as it is now; the event's id is its place in the order of changes.
struct InboxLive: Sendable {
    /// A stream ends by itself after this long; whoever looks on asks again with Last-Event-ID, and is asked who it is.
    static let length = Duration.seconds(300)
    private static let batch = 200

    let store: InboxStore
    let watch: SessionWatch
    var seats = StreamSeats(of: "the inbox", ofOne: 30)

    /// What changed behind `change`, or from now on, while the session lives; only threads of workspaces that the person may use.
    func stream(after change: Int64?, for identity: Identity) async throws -> Response {
        let tenant = identity.tenant
        // Given back by itself if anything below fails, or if nobody reads the answer.
        let seat = try seats.take(of: tenant)
        let head = try await store.head(of: tenant)
        // A number that is not there yet, as from another company, must not keep its reader from what comes next.
        let start = min(change ?? head, head)
        let (store, watch) = (store, watch)
        let body = ResponseBody { writer in
            defer { seat.leave() }
            let end = ContinuousClock.now + Self.length
            try await writer.write(ByteBuffer(string: "retry: 2000\n\n"))
            try await watch.watching(identity.session, support: identity.support) { isLive in
                var last = start
                var quiet = 0
                while ContinuousClock.now < end, await isLive() {
                    let head = try await store.head(of: tenant)
                    while last < head, ContinuousClock.now < end, await isLive() {
                        let changed = try await store.changed(after: last, upTo: head, of: tenant, limit: Self.batch)
                        for thread in changed where identity.mayUse(thread.workspace) {
                            try await writer.write(ByteBuffer(string: try Self.message(thread)))
                        }
                        last = changed.count == Self.batch ? changed[changed.count - 1].change : head
                        quiet = 0
                    }
                    quiet += 1
                    // So that whatever stands between does not take the line for dead, and that a reader who is gone is noticed.
                    if quiet % 10 == 0 { try await writer.write(ByteBuffer(string: ": \n\n")) }
                    // Looks at the session more often than at the inbox: a revoked one hears nothing more within a second.
                    for _ in 0..<2 {
                        guard await isLive() else { return }
                        try await Task.sleep(for: .milliseconds(250))
                    }
                }
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"], body: body)
    }

    private static func message(_ thread: InboxThread) throws -> String {
        let data = String(decoding: try WireJSON.encoder().encode(thread), as: UTF8.self)
        return "id: \(thread.change)\nevent: thread\ndata: \(data)\n\n"
    }
}

extension HTTPField.Name {
    /// The last event of the inbox that a reader of its stream saw.
    static let lastInboxEvent = Self("Last-Event-ID")!
}
