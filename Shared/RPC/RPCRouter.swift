public import Contracts
import Foundation
public import Logging
import Primitives

/// What a handler knows of the question besides its parameters.
public struct RPCContext: Sendable {
    public let caller: ServiceName
    public let traceparent: String?
    /// The caller stops waiting at this instant.
    public let deadline: ContinuousClock.Instant
    public let logger: Logger

    public init(caller: ServiceName, traceparent: String?, deadline: ContinuousClock.Instant, logger: Logger) {
        self.caller = caller
        self.traceparent = traceparent
        self.deadline = deadline
        self.logger = logger
    }
}

/// The methods that a service answers, by name.
public struct RPCRouter: Sendable {
    typealias Handler = @Sendable (_ body: Data, _ id: RequestIdentifier, RPCContext) async throws -> Data

    let service: ServiceName
    private var handlers: [String: Handler] = [:]

    public init(service: ServiceName) {
        self.service = service
    }

    /// Answers `method`; a thrown ``RPCError`` reaches the caller, anything else becomes "internal" there and a full log line here.
    public mutating func on<Method: RPCMethod>(
        _ method: Method.Type, _ handle: @escaping @Sendable (Method, RPCContext) async throws -> Method.Result
    ) {
        precondition(handlers[method.name] == nil, "\(method.name) is answered twice")
        handlers[method.name] = { body, id, context in
            let request: RequestParams<Method>
            do {
                request = try WireJSON.decoder().decode(RequestParams<Method>.self, from: body)
            } catch let error as DecodingError {
                throw RPCError.invalidParams(method.name, error)
            }
            let result = try await handle(request.params, context)
            return try WireJSON.encoder().encode(ResponseEnvelope(id: id, result: result, error: nil))
        }
    }

    /// An answer, and what became of the question.
    struct Answer {
        let body: [UInt8]
        /// A name that is answered here, or `unknown`.
        let method: String
        /// `ok`, or the kind of the error.
        let outcome: String

        init(_ body: [UInt8], _ method: String, _ outcome: String = "ok") {
            (self.body, self.method, self.outcome) = (body, method, outcome)
        }

        init(_ error: RPCError, _ method: String = "unknown", id: RequestIdentifier?) {
            self.init(encodeFailure(error, id: id), method, error.kind)
        }
    }

    /// Answers one JSON-RPC request; never throws, an error is an answer too.
    public func answer(_ body: [UInt8], _ context: RPCContext) async -> [UInt8] {
        await answered(body, context).body
    }

    func answered(_ body: [UInt8], _ context: RPCContext) async -> Answer {
        let data = Data(body)
        let header: RequestHeader
        do {
            header = try Self.header(of: data)
        } catch {
            return Answer(error, id: nil)
        }
        let method = header.method
        guard let handler = handlers[method] else { return Answer(.methodNotFound(method), id: header.id) }
        do {
            return Answer([UInt8](try await withDeadline(context.deadline, method) { try await handler(data, header.id, context) }), method)
        } catch let error as RPCError {
            return Answer(error, method, id: header.id)
        } catch let error as any TransientError where error.isTransient {
            // The caller may ask again: this is not our mistake, and nothing was decided.
            context.logger.warning("not available", metadata: ["method": "\(method)", "error": "\(error)"])
            return Answer(.unavailable("\(service.rawValue) is not ready"), method, id: header.id)
        } catch {
            context.logger.error(
                "unexpected error in a method",
                metadata: ["method": "\(method)", "caller": "\(context.caller.rawValue)", "error": "\(error)"])
            return Answer(.internalFailure, method, id: header.id)
        }
    }

    private static func header(of body: Data) throws(RPCError) -> RequestHeader {
        let first = body.first { !" \t\r\n".utf8.contains($0) }
        if first == UInt8(ascii: "[") { throw .invalidRequest("batches are not supported") }
        do {
            let header = try WireJSON.decoder().decode(RequestHeader.self, from: body)
            guard header.jsonrpc == "2.0" else { throw RPCError.invalidRequest("jsonrpc must be \"2.0\"") }
            return header
        } catch let error as RPCError {
            throw error
        } catch DecodingError.dataCorrupted(let context) where context.codingPath.isEmpty {
            throw .notJSON
        } catch {
            throw .invalidRequest("jsonrpc, id and method are needed")
        }
    }
}

/// Runs `work` until `deadline`; then cancels it and throws `deadline_exceeded`.
func withDeadline<Value: Sendable>(
    _ deadline: ContinuousClock.Instant, _ method: String, _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask(operation: work)
        group.addTask {
            try await Task.sleep(until: deadline, clock: .continuous)
            throw RPCError.deadlineExceeded(method)
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else { throw RPCError.internalFailure }
        return first
    }
}
