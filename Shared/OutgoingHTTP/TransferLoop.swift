import CCurl
import Logging

/// Moves all transfers forward, on a thread of its own; nothing else touches what it has.
struct TransferLoop {
    /// The longest sleep; a letter or a timer of libcurl's ends it before.
    private static let longestSleep: Int32 = 60_000

    private let mailbox: TransferMailbox
    private let settings: TransferSettings
    private let logger: Logger
    private var transfers: [UnsafeMutableRawPointer: Transfer] = [:]
    private var handles: [UInt64: UnsafeMutableRawPointer] = [:]

    init(mailbox: TransferMailbox, settings: TransferSettings, logger: Logger) {
        self.mailbox = mailbox
        self.settings = settings
        self.logger = logger
    }

    consuming func run() {
        var loop = self
        while loop.turn() {}
    }

    /// One round; false when nobody can want anything any more.
    private mutating func turn() -> Bool {
        let (letters, isFinished) = mailbox.take()
        for letter in letters {
            switch letter {
            case .start(let order): start(order)
            case .cancel(let number): cancel(number)
            }
        }
        if isFinished, transfers.isEmpty { return false }
        var running: Int32 = 0
        let performed = curl_multi_perform(mailbox.multi.pointer, &running)
        collect()
        let polled = curl_multi_poll(mailbox.multi.pointer, nil, 0, Self.longestSleep, nil)
        if performed != CURLM_OK || polled != CURLM_OK {
            // Out of memory or a defect of ours: what is under way will not end by itself.
            logger.error("libcurl failed", metadata: ["perform": "\(performed.rawValue)", "poll": "\(polled.rawValue)"])
            for handle in transfers.keys { end(handle, .failure(OutgoingError(.library, message: "the loop failed"))) }
        }
        return true
    }

    private mutating func start(_ order: TransferOrder) {
        guard transfers.count < settings.limits.requests else {
            order.continuation.resume(returning: .failure(OutgoingError(.busy, message: "\(transfers.count) requests are under way")))
            return
        }
        do throws(OutgoingError) {
            let transfer = try Transfer(order, settings)
            guard curl_multi_add_handle(mailbox.multi.pointer, transfer.handle) == CURLM_OK else {
                throw OutgoingError(.library, message: "the transfer could not be added")
            }
            transfers[transfer.handle] = transfer
            handles[order.number] = transfer.handle
        } catch {
            order.continuation.resume(returning: .failure(error))
        }
    }

    private mutating func cancel(_ number: UInt64) {
        guard let handle = handles[number] else { return }
        end(handle, .failure(OutgoingError(.cancelled, message: "the task was cancelled")))
    }

    /// Takes out what has ended.
    private mutating func collect() {
        var left: Int32 = 0
        while let message = curl_multi_info_read(mailbox.multi.pointer, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let handle = message.pointee.easy_handle, let transfer = transfers[handle] else { continue }
            // The message is gone with the handle.
            let result = transfer.result(of: penguin_curl_result(message))
            end(handle, result)
        }
    }

    private mutating func end(_ handle: UnsafeMutableRawPointer, _ result: Result<OutgoingAnswer, OutgoingError>) {
        guard let transfer = transfers.removeValue(forKey: handle) else { return }
        handles[transfer.order.number] = nil
        curl_multi_remove_handle(mailbox.multi.pointer, handle)
        transfer.order.continuation.resume(returning: result)
    }
}
