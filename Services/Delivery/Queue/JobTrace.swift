import Postgres
import Primitives

/// Where in which trace a job was asked for. It goes with the job's payload, so that trying the job is a step of the same trace.
enum JobTrace {
    /// As it stands in a payload; null outside of any trace.
    static var current: SQL {
        guard let traceparent = TraceContext.traceparent else { return "null::jsonb" }
        return "jsonb_build_object('traceparent', \(traceparent)::text)"
    }

    /// Adds it to a payload `n.payload` that is an object.
    static var added: SQL {
        guard let traceparent = TraceContext.traceparent else { return "n.payload" }
        return """
            case when jsonb_typeof(n.payload) = 'object' then n.payload || jsonb_build_object('traceparent', \(traceparent)::text) else n.payload end
            """
    }

    /// Of a job `j`, as `traceparent`.
    static let column: SQL = "j.payload->>'traceparent' as traceparent"

    static func trace(_ row: Row) throws -> TraceParent? {
        TraceParent(parsing: try row.decodeOptional("traceparent"))
    }
}
