import Contracts
import Foundation
import Logging
import Primitives

/// Writes each log event as one line of JSON: time, level, service, message, metadata. Inside a request or another step of a trace the line has its
/// `request_id` and `trace_id`; from the level info upwards it names nobody's address.
struct JSONLogHandler: LogHandler {
    var logLevel: Logger.Level = .info
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private let service: String
    private let label: String
    private let write: @Sendable (Data) -> Void

    /// One write per line: lines of several threads do not mix, and nothing is left in a buffer when the process is killed.
    init(
        service: String, label: String, level: Logger.Level,
        write: @escaping @Sendable (Data) -> Void = { FileHandle.standardOutput.write($0) }
    ) {
        self.service = service
        self.label = label
        self.write = write
        logLevel = level
        metadataProvider = Self.place
    }

    /// Where in which trace the line was written.
    private static let place = Logger.MetadataProvider {
        guard let context = TraceContext.current else { return [:] }
        var members: Logger.Metadata = [
            "trace_id": "\(context.position.traceIdentifier)", "span_id": "\(context.position.spanIdentifier)",
        ]
        if let requestID = context.requestID { members["request_id"] = "\(requestID)" }
        return members
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var members = metadata
        if let provided = metadataProvider?.get() { members.merge(provided) { $1 } }
        if let own = event.metadata { members.merge(own) { $1 } }
        let line = Line(
            at: WallClock.system.now, level: event.level.rawValue, service: service, label: label, message: shown("\(event.message)", event.level),
            error: event.error.map { shown("\($0)", event.level) }, metadata: members.mapValues { shown("\($0)", event.level) })
        guard var bytes = try? WireJSON.encoder().encode(line) else { return }
        bytes.append(UInt8(ascii: "\n"))
        write(bytes)
    }

    /// Whoever looks for a fault may see addresses; whoever keeps logs for long may not.
    private func shown(_ text: String, _ level: Logger.Level) -> String {
        level >= .info ? AddressMask.masked(text) : text
    }

    private struct Line: Encodable {
        let at: Date
        let level: String
        let service: String
        let label: String
        let message: String
        let error: String?
        let metadata: [String: String]
    }
}
