import CPostgres
import Foundation

/// The one owner of a `PGconn`: the connection ends when the owner does.
struct ConnectionHandle: ~Copyable {
    let pointer: OpaquePointer

    /// Blocks until the server accepted or refused.
    init(_ configuration: PostgresConfiguration) throws(PostgresError) {
        let parameters = configuration.parameters
        let keywords = CStringArray(parameters.map { $0.0 })
        let values = CStringArray(parameters.map { $0.1 })
        let connected = withExtendedLifetime((keywords, values)) { PQconnectdbParams(keywords.pointers, values.pointers, 0) }
        guard let pointer = connected else {
            throw PostgresError(.connectionFailed, message: "out of memory")
        }
        guard PQstatus(pointer) == CONNECTION_OK else {
            let message = String(cString: PQerrorMessage(pointer)).trimmed
            PQfinish(pointer)
            throw PostgresError(.connectionFailed, message: message)
        }
        // Notices (such as "relation already exists, skipping") would go to standard error, between the JSON log lines.
        PQsetNoticeProcessor(pointer, { _, _ in }, nil)
        self.pointer = pointer
    }

    deinit {
        PQfinish(pointer)
    }
}

/// A NULL-terminated array of C strings that lives as long as this object: hold on to it while C reads.
///
/// `@unchecked Sendable`: the memory is written in `init` and freed in `deinit`, and only read in between.
final class CStringArray: @unchecked Sendable {
    private let buffer: UnsafeMutablePointer<UnsafePointer<CChar>?>
    private let count: Int

    init(_ strings: [String?]) {
        count = strings.count
        buffer = .allocate(capacity: count + 1)
        for (index, string) in strings.enumerated() {
            buffer[index] = string.map { UnsafePointer(strdup($0)!) }
        }
        buffer[count] = nil
    }

    var pointers: UnsafePointer<UnsafePointer<CChar>?> { UnsafePointer(buffer) }

    deinit {
        for index in 0..<count {
            free(UnsafeMutablePointer(mutating: buffer[index]))
        }
        buffer.deallocate()
    }
}

extension String {
    /// Without white space at its ends and in one line.
    var trimmed: String {
        split(whereSeparator: \.isNewline).map { $0.trimmingPrefix { $0 == " " || $0 == "\t" } }.joined(separator: " ")
    }
}
