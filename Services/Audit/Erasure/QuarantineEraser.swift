import Contracts
import Foundation
import Postgres

/// Takes a forgotten subject out of the raw events that could not be taken in.
enum QuarantineEraser {
    /// All that name the subject; there are few, whatever the trail's size.
    static func erase(_ request: AuditRPC.EraseSubject, in transaction: Transaction) async throws {
        let rows = try await transaction.query(
            "select event_id, body from quarantined_events where position(convert_to(\(request.id), 'UTF8') in body) > 0 for update")
        for row in rows {
            let identifier: UUID = try row.decode("event_id")
            let body: Data = try row.decode("body")
            guard let stripped = stripped(body, of: request) else { continue }
            try await transaction.query("update quarantined_events set body = \(stripped) where event_id = \(identifier)")
        }
    }

    /// The event without what names the subject, and without its data, which no trail needs; nil when it is of another company. What nobody can
    /// read goes as a whole.
    static func stripped(_ body: Data, of request: AuditRPC.EraseSubject) -> Data? {
        guard var event = (try? JSONSerialization.jsonObject(with: body)) as? [String: Any], var header = event["header"] as? [String: Any] else {
            return Data()
        }
        let tenant = (header["tenant"] as? String).flatMap { TenantID($0) } ?? Trail.platform
        guard tenant == request.tenant else { return nil }
        var audit = header["audit"] as? [String: Any] ?? [:]
        if var targets = audit["targets"] as? [[String: Any]] {
            for index in targets.indices where targets[index]["type"] as? String == request.type && targets[index]["id"] as? String == request.id {
                targets[index]["name"] = nil
                audit["changes"] = [Any]()
                audit["metadata"] = [String: Any]()
            }
            audit["targets"] = targets
        }
        if var actor = header["actor"] as? [String: Any], actor["id"] as? String == request.id {
            actor["name"] = nil
            header["actor"] = actor
            audit["address"] = nil
            audit["user_agent"] = nil
        }
        header["audit"] = audit
        event["header"] = header
        event["data"] = [String: Any]()
        return try? JSONSerialization.data(withJSONObject: event, options: [.sortedKeys])
    }
}
