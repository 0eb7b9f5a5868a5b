import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import NIOFoundationCompat
import Synchronization

/// Takes a response's body out of it, so that it can be stored and sent.
final class BodyCollector: Sendable {
    private let collected = Mutex(Data())

    var bytes: Data { collected.withLock { $0 } }

    func writer() -> any ResponseBodyWriter {
        Writer(collector: self)
    }

    private struct Writer: ResponseBodyWriter {
        let collector: BodyCollector

        mutating func write(_ buffer: ByteBuffer) async throws {
            collector.collected.withLock { $0.append(contentsOf: buffer.readableBytesView) }
        }

        consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }
}
