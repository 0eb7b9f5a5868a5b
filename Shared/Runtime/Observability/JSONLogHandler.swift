import Contracts
import Foundation
import Logging
import Primitives

/// Writes each log event as one line of JSON: time, level, service, message, metadata.
struct JSONLogHandler: LogHandler {
    var logLevel: Logger.Level = .info
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private let service: String
    private let label: String

    init(service: String, label: String, level: Logger.Level) {
        self.service = service
        self.label = label
        logLevel = level
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
            at: WallClock.system.now, level: event.level.rawValue, service: service, label: label, message: "\(event.message)",
            error: event.error.map { "\($0)" }, metadata: members.mapValues { "\($0)" })
        guard var bytes = try? WireJSON.encoder().encode(line) else { return }
        bytes.append(UInt8(ascii: "\n"))
        // One write per line: lines of several threads do not mix, and nothing is left in a buffer when the process is killed.
        FileHandle.standardOutput.write(bytes)
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
