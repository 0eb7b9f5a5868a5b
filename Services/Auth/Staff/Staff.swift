import Contracts
import Foundation
import HTTP
import Postgres
import ServiceRuntime
import Streams

/// Who is appointed by configuration: how the first people of the operator come to their authority.
struct StaffAppointments: Sendable {
    static let key = ConfigurationKey(
        "auth.staff",
        "Addresses that become staff when they sign in with a verified address, such as ops@example.com=ops,ada@example.com=super_admin.",
        default: "")

    private let roles: [String: StaffRole]

    /// Throws when an entry is not `address=role`.
    init(_ settings: Settings) throws(SettingsError) {
        var roles: [String: StaffRole] = [:]
        for entry in settings["auth.staff"].split(separator: ",") {
            let parts = entry.split(separator: "=")
            guard parts.count == 2, let email = EmailAddress(String(parts[0])), let role = StaffRole(rawValue: String(parts[1])) else {
                let known = StaffRole.allCases.map(\.rawValue).joined(separator: ", ")
                throw SettingsError(problems: ["auth.staff: \"\(entry)\" is not address=role with one of the roles \(known)"])
            }
            roles[email.text] = role
        }
        self.roles = roles
    }

    /// Makes a verified user staff where the configuration says so; once, and audited.
    func appoint(_ account: Account, at instant: Date, outbox: Outbox, in transaction: Transaction) async throws {
        guard account.verifiedAt != nil, let role = roles[account.email] else { return }
        let inserted = try await transaction.query(
            "insert into staff (user_id, role, created_at) values (\(account.id), \(role), \(instant)) on conflict do nothing")
        guard inserted.affected > 0 else { return }
        let event = try PendingEvent(
            AuthEvents.StaffAppointed(user: account.id, role: role.rawValue), at: instant, tenant: nil, actor: .system("auth"),
            audit: AuditRecord(
                action: "staff.appoint", targets: [.init(type: "user", id: account.id.description)], metadata: ["role": role.rawValue]))
        try await outbox.append([event], in: transaction)
    }
}
