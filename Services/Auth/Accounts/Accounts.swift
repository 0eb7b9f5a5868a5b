import Contracts
import Foundation
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// Signing up and proving the address.
struct Accounts: Sendable {
    struct SignUp: Sendable {
        let email: EmailAddress
        let password: Password
        let name: String
        let company: String
    }

    private let database: Database
    private let outbox: Outbox
    private let clock: WallClock
    private let passwords: PasswordHasher
    private let verifications: Verifications
    private let mails: MailStore

    private let revocations: RevocationChannel

    init(house: House, passwords: PasswordHasher, mails: MailStore, revocations: RevocationChannel) {
        self.revocations = revocations
        database = house.worker
        outbox = house.outbox
        clock = house.clock
        self.passwords = passwords
        self.mails = mails
        verifications = Verifications(keyring: house.keyring, clock: house.clock)
    }

    /// Makes the account and mails the proof; for a taken address it mails its owner instead and looks the same from outside.
    func signUp(_ request: SignUp, audit: (String, [AuditRecord.Target]) -> AuditRecord, baseURL: String) async throws {
        let hash = try await passwords.hash(request.password)
        let now = clock.now
        let new = AccountStore.NewAccount(
            user: UserID(.v7(at: now)), tenant: TenantID(.v7(at: now)), email: request.email, name: request.name, company: request.company,
            passwordHash: hash, at: now)
        let user = AuditRecord.Target(type: "user", id: new.user.description)
        let tenant = AuditRecord.Target(type: "tenant", id: new.tenant.description, name: request.company)
        let events = [
            try PendingEvent(
                AuthEvents.UserSignedUp(user: new.user), at: now, tenant: new.tenant, actor: .user(new.user, name: request.name),
                audit: audit("user.sign_up", [user])),
            try PendingEvent(
                AuthEvents.TenantCreated(tenant: new.tenant, name: request.company), at: now, tenant: new.tenant,
                aggregate: Aggregate(kind: "tenant", id: new.tenant.description, version: 1), actor: .user(new.user, name: request.name),
                audit: audit("tenant.create", [tenant])),
        ]
        try await database.transaction { transaction in
            if try await AccountStore.insert(new, in: transaction) {
                let proof = try await verifications.issue(for: new.user, address: request.email, in: transaction)
                try await mails.enqueue(.verification(proof, name: request.name, baseURL: baseURL), to: request.email, at: now, in: transaction)
                try await outbox.append(events, in: transaction)
            } else {
                try await mails.enqueue(.alreadyRegistered(baseURL: baseURL), to: request.email, at: now, in: transaction)
            }
        }
        outbox.wake()
    }

    /// Sends another proof, unless the address is unknown, proven already, or was mailed a moment ago; says the same in every case.
    func resendVerification(to email: EmailAddress, baseURL: String) async throws {
        let now = clock.now
        try await database.transaction { transaction in
            guard let account = try await AccountStore.find(email, in: transaction), account.verifiedAt == nil,
                try await verifications.mayIssue(for: account.id, in: transaction)
            else { return }
            let proof = try await verifications.issue(for: account.id, address: email, in: transaction)
            try await mails.enqueue(.verification(proof, name: account.name, baseURL: baseURL), to: email, at: now, in: transaction)
        }
    }

    /// Proves an address by what was mailed to it, and ends what somebody else may have begun in its owner's name; false when that was wrong, used, too old, or tried too often.
    func verify(_ proof: Verifications.Presented, by current: SessionToken?, audit: (String, [AuditRecord.Target]) -> AuditRecord) async throws
        -> Bool
    {
        let now = clock.now
        let verified = try await database.transaction { transaction in
            guard let user = try await verifications.consume(proof, in: transaction) else { return false }
            guard try await AccountStore.markVerified(user, at: now, in: transaction) else { return true }
            // Whoever signed up with a stranger's address must not be signed in when the stranger confirms it (arXiv 2205.10174).
            try await SessionStore.revokeAll(of: user, exceptToken: current, at: now, in: transaction)
            let membership = try await AccountStore.membership(of: user, in: transaction)
            let event = try PendingEvent(
                AuthEvents.UserVerified(user: user), at: now, tenant: membership?.tenant, actor: .user(user),
                audit: audit("user.verify", [.init(type: "user", id: user.description)]))
            try await outbox.append([event], in: transaction)
            return true
        }
        outbox.wake()
        // What a session may do has changed.
        if verified { await revocations.announce() }
        return verified
    }
}
