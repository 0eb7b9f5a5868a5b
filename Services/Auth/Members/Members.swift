import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// Who works in a company, in which role, and who is asked to.
struct Members: Sendable {
    typealias Audit = @Sendable (_ action: String, [AuditRecord.Target], _ metadata: [String: String]) -> AuditRecord

    private let database: Database
    private let api: Database
    private let outbox: Outbox
    private let clock: WallClock
    private let seats: Seats
    private let hasher: PasswordHasher
    private let sessions: Sessions
    private let mails: MailStore
    private let baseURL: String

    init(house: House, hasher: PasswordHasher, sessions: Sessions, mails: MailStore, baseURL: String) {
        database = house.worker
        api = house.api
        outbox = house.outbox
        clock = house.clock
        seats = Seats(house: house)
        self.hasher = hasher
        self.sessions = sessions
        self.mails = mails
        self.baseURL = baseURL
    }

    /// What becomes of a member's limit to workspaces.
    enum Limit: Sendable {
        /// Nil is all.
        case to([WorkspaceID]?)
        case asBefore
    }

    func list(for identity: Identity, after start: Member.Place?, limit: Int) async throws -> [Member] {
        try await MemberStore.list(of: identity.tenant, after: start, limit: limit, in: database)
    }

    /// Gives a member another role or other workspaces; their sessions in this company end, so that it counts at once.
    func change(
        _ user: UserID, to role: Role, workspaces limit: Limit, by identity: Identity, isFresh: Bool, audit: Audit
    ) async throws -> Member {
        let now = clock.now
        let changed = try await locked(identity.tenant) { transaction in
            let target = try await self.target(user, to: role, by: identity, isFresh: isFresh, in: transaction)
            let workspaces: [WorkspaceID]?
            switch limit {
            case .to(let named):
                try await require(named, of: identity.tenant, in: transaction)
                workspaces = named
            // Owners and admins see everything.
            case .asBefore: workspaces = role < .admin ? target.workspaces : nil
            }
            try await MemberStore.set(role, workspaces, of: user, in: identity.tenant, at: now, transaction)
            _ = try await SessionStore.revokeAll(of: user, in: identity.tenant, at: now, in: transaction)
            try await append(
                AuthEvents.MemberChanged(user: user, role: role.rawValue), by: identity,
                audit("member.change", [Self.name(target)], ["from": target.role.rawValue, "to": role.rawValue]), in: transaction)
            return Member(
                user: user, name: target.name, email: target.email, role: role, workspaces: workspaces, joinedAt: target.joinedAt)
        }
        await announce()
        return changed
    }

    /// Takes a member out, or lets somebody leave; their sessions in this company end.
    func remove(_ user: UserID, by identity: Identity, isFresh: Bool, audit: Audit) async throws {
        let now = clock.now
        let place = try await locked(identity.tenant) { transaction in
            let target = try await self.target(user, to: nil, by: identity, isFresh: isFresh, in: transaction)
            let place = try await MemberStore.remove(user, from: identity.tenant, at: now, in: transaction)
            _ = try await SessionStore.revokeAll(of: user, in: identity.tenant, at: now, in: transaction)
            try await append(
                AuthEvents.MemberRemoved(user: user), by: identity,
                audit(user == identity.user ? "member.leave" : "member.remove", [Self.name(target)], [:]),
                in: transaction)
            return place
        }
        await announce()
        if let place { await seats.give(back: place, of: identity.tenant) }
    }

    /// Makes another member owner and the owner an admin, both or neither.
    func transferOwnership(to user: UserID, by identity: Identity, audit: Audit) async throws {
        let now = clock.now
        try await locked(identity.tenant) { transaction in
            guard identity.role == .owner, user != identity.user else { throw MembershipError.notAllowed }
            guard let heir = try await MemberStore.find(user, of: identity.tenant, in: transaction) else { throw MembershipError.notFound }
            // The token said owner; the row decides.
            guard let owner = try await MemberStore.find(identity.user, of: identity.tenant, in: transaction), owner.role == .owner else {
                throw MembershipError.notAllowed
            }
            try await MemberStore.set(.owner, nil, of: user, in: identity.tenant, at: now, transaction)
            try await MemberStore.set(.admin, nil, of: identity.user, in: identity.tenant, at: now, transaction)
            for person in [user, identity.user] { _ = try await SessionStore.revokeAll(of: person, in: identity.tenant, at: now, in: transaction) }
            try await append(
                AuthEvents.MemberChanged(user: user, role: Role.owner.rawValue), by: identity,
                audit("tenant.transfer_ownership", [Self.name(heir)], [:]), in: transaction)
        }
        await announce()
    }

    /// The member in question, when the change may be made: by this person, and without leaving the company ownerless.
    private func target(
        _ user: UserID, to role: Role?, by identity: Identity, isFresh: Bool, in transaction: Transaction
    ) async throws -> Member {
        guard let target = try await MemberStore.find(user, of: identity.tenant, in: transaction) else { throw MembershipError.notFound }
        // The token may be a minute old; the row decides.
        guard let actor = try await MemberStore.find(identity.user, of: identity.tenant, in: transaction) else { throw MembershipError.notAllowed }
        let isLeaving = user == identity.user && role == nil
        guard isLeaving || MembershipRules.mayChange(target.role, to: role, by: actor.role) else { throw MembershipError.notAllowed }
        if target.role == .owner, role != .owner, try await MemberStore.owners(of: identity.tenant, in: transaction) == 1 {
            throw MembershipError.lastOwner
        }
        guard isFresh || isLeaving || (target.role != .owner && role != .owner) else { throw MembershipError.stepUpRequired }
        return target
    }

    // MARK: - Invitations

    func invitations(for identity: Identity, before start: EntityID<Invitation>? = nil, limit: Int = 1_000) async throws -> [Invitation] {
        try await InvitationStore.list(of: identity.tenant, at: clock.now, before: start, limit: limit, in: api)
    }

    /// Mails somebody a link that is good for a week; a seat is taken from now on.
    func invite(
        _ email: EmailAddress, as role: Role, workspaces: [WorkspaceID]?, by identity: Identity, audit: Audit
    ) async throws -> Invitation {
        guard MembershipRules.mayInvite(as: role, by: identity.role) else { throw MembershipError.notAllowed }
        let now = clock.now
        let token = randomBytes(32).base64URL
        let invitation = Invitation(
            id: .init(.v7(at: now)), address: email.text, role: role, workspaces: workspaces, createdAt: now,
            expiresAt: now.addingTimeInterval(Invitation.lifetime))
        try await seats.holding(invitation.id.uuid, of: identity.tenant) {
            try await insert(invitation, for: email, token: token, by: identity, audit: audit)
        }
        outbox.wake()
        return invitation
    }

    private func insert(_ invitation: Invitation, for email: EmailAddress, token: String, by identity: Identity, audit: Audit) async throws {
        let now = invitation.createdAt
        try await locked(identity.tenant) { transaction in
            try await require(invitation.workspaces, of: identity.tenant, in: transaction)
            if let account = try await AccountStore.find(email, in: transaction),
                try await MemberStore.find(account.id, of: identity.tenant, in: transaction) != nil
            {
                throw MembershipError.alreadyMember
            }
            guard try await InvitationStore.insert(invitation, of: identity.tenant, by: identity.user, token: token, in: transaction) else {
                throw MembershipError.alreadyInvited
            }
            let names = try await transaction.query("select name from public.tenants where id = \(identity.tenant)")
            let company: String = try names[0].decode("name")
            try await mails.enqueue(
                .invitation(token: token, company: company, inviter: identity.name, baseURL: baseURL), to: email, at: now, in: transaction)
            try await append(
                AuthEvents.MemberInvited(invitation: invitation.id.uuid, role: invitation.role.rawValue), by: identity,
                audit(
                    "invitation.create", [.init(type: "invitation", id: invitation.id.description, name: email.text)],
                    ["role": invitation.role.rawValue]),
                in: transaction)
        }
    }

    /// False when there is no such open one.
    func revokeInvitation(_ id: UUID, by identity: Identity, audit: Audit) async throws -> Bool {
        let now = clock.now
        let revoked = try await database.transaction { transaction in
            guard let address = try await InvitationStore.revoke(id, of: identity.tenant, at: now, in: transaction) else { return false }
            try await append(
                AuthEvents.InvitationRevoked(invitation: id), by: identity,
                audit("invitation.revoke", [.init(type: "invitation", id: id.text, name: address)], [:]), in: transaction)
            return true
        }
        outbox.wake()
        if revoked { await seats.give(back: id, of: identity.tenant) }
        return revoked
    }

    /// What a mailed link offers; looking changes nothing.
    struct Offer: Sendable {
        let tenant: TenantID
        let company: String
        let address: String
        let role: Role
        let hasAccount: Bool
    }

    func offer(_ token: String) async throws -> Offer? {
        let now = clock.now
        return try await database.transaction { transaction in
            guard let open = try await InvitationStore.find(token, at: now, in: transaction), let email = EmailAddress(open.invitation.address) else {
                return nil
            }
            let account = try await AccountStore.find(email, in: transaction)
            return Offer(
                tenant: open.tenant, company: open.tenantName, address: email.text, role: open.invitation.role, hasAccount: account != nil)
        }
    }

    /// Who takes an invitation up.
    enum Invitee: Sendable {
        /// Somebody who is signed in with the invited address.
        case known(Session)
        /// Somebody without an account; the mailed link proves the address.
        case new(name: String, password: Password)
    }

    enum Acceptance: Error, Equatable {
        /// Used, revoked or run out.
        case gone
        /// There is an account with the address: its owner signs in first.
        case signInFirst
    }

    /// Makes the invited person a member; of two uses at once one counts.
    func accept(_ token: String, by invitee: Invitee, audit: Audit) async throws {
        let hash: String? = if case .new(_, let password) = invitee { try await hasher.hash(password) } else { nil }
        let now = clock.now
        guard let found = try await database.transaction({ try await InvitationStore.find(token, at: now, in: $0) }) else { throw Acceptance.gone }
        let tenant = found.tenant
        // The invitation has a place already; one that somehow has none takes one. It is never given back here: of two uses at once the one that
        // is too late must not free the other's.
        try await seats.take(for: found.invitation.id.uuid, of: tenant)
        try await locked(tenant) { transaction in
            guard let open = try await InvitationStore.find(token, at: now, in: transaction), let email = EmailAddress(open.invitation.address),
                try await InvitationStore.accept(open, at: now, in: transaction)
            else { throw Acceptance.gone }
            let account = try await person(invitee, email, hash, at: now, in: transaction)
            try await MemberStore.add(
                account.id, email: email.text, to: open.tenant, as: open.invitation.role, workspaces: open.invitation.workspaces,
                seat: open.invitation.id.uuid, at: now, in: transaction)
            let event = try PendingEvent(
                AuthEvents.MemberJoined(user: account.id, role: open.invitation.role.rawValue), at: now, tenant: open.tenant,
                actor: .user(account.id, name: account.name),
                audit: audit(
                    "member.join", [.init(type: "user", id: account.id.description, name: account.email)], ["role": open.invitation.role.rawValue]))
            try await outbox.append([event], in: transaction)
        }
        await announce()
        await seats.keep(found.invitation.id.uuid, of: tenant)
    }

    private func person(
        _ invitee: Invitee, _ email: EmailAddress, _ hash: String?, at now: Date, in transaction: Transaction
    ) async throws -> Account {
        let known = try await AccountStore.find(email, in: transaction)
        switch invitee {
        case .known(let session):
            guard let known, known.id == session.user else { throw Acceptance.signInFirst }
            _ = try await AccountStore.markVerified(known.id, at: now, in: transaction)
            return known
        case .new(let name, _):
            guard known == nil, let hash else { throw Acceptance.signInFirst }
            let account = Account(id: UserID(.v7(at: now)), email: email.text, name: name, verifiedAt: now)
            guard try await AccountStore.insertPerson(account, passwordHash: hash, at: now, in: transaction) else { throw Acceptance.signInFirst }
            return account
        }
    }

    // MARK: - Help

    private func locked<Value: Sendable>(_ tenant: TenantID, _ work: (Transaction) async throws -> Value) async throws -> Value {
        try await database.transaction { transaction in
            guard try await MemberStore.lock(tenant, in: transaction) else { throw MembershipError.notFound }
            return try await work(transaction)
        }
    }

    private func require(_ workspaces: [WorkspaceID]?, of tenant: TenantID, in transaction: Transaction) async throws {
        guard let workspaces else { return }
        guard try await WorkspaceStore.count(Set(workspaces), of: tenant, in: transaction) == Set(workspaces).count else {
            throw MembershipError.unknownWorkspace
        }
    }

    private func append<E: Event>(_ event: E, by identity: Identity, _ audit: AuditRecord, in transaction: Transaction) async throws {
        let pending = try PendingEvent(event, at: clock.now, tenant: identity.tenant, actor: identity.actor, audit: audit)
        try await outbox.append([pending], in: transaction)
    }

    private func announce() async {
        outbox.wake()
        await sessions.announceRevocation()
    }

    private static func name(_ member: Member) -> AuditRecord.Target {
        .init(type: "user", id: member.user.description, name: member.email)
    }
}
