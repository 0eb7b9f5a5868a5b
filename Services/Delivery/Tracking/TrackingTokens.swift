import Contracts
import Foundation
import Primitives

/// What a tracked address says: which mail of which company it stands in, and where it leads.
struct TrackingToken: Sendable, Equatable {
    enum Kind: UInt8, Sendable, CaseIterable {
        case open = 1
        case click = 2
        /// The link that no person sees.
        case hidden = 3
    }

    let kind: Kind
    let tenant: TenantID
    let send: SendID
    /// The number of the link in its mail, from 0.
    var link: UInt16 = 0
    /// How many tracked links the mail has.
    var links: UInt16 = 0
    /// Empty unless it is a click.
    var destination = ""
}

/// Makes and reads tracking tokens: nobody else can make one, nobody learns from one to whom the mail went or where its link leads, and none ends
/// before the keyring forgets the key that it was made with.
///
/// The token carries the destination itself, sealed under a key derived for this mail and link (AES-256-GCM with a tag of 128 bits, which also covers
/// everything else in the token): a click needs no look-up, and there is no table whose rows would have to live as long as mails lie in mailboxes.
struct TrackingTokens: Sendable {
    /// A longer destination stays as it is in the mail.
    static let longestDestination = 2_000
    private static let longestToken = 4_096
    private static let version: UInt8 = 1
    private static let headerLength = 38

    let keyring: Keyring

    /// `<base64url of version, kind, company, mail and link>.<sealed destination, which names its key>`
    func text(of token: TrackingToken) throws -> String {
        let header = Self.header(of: token).base64URL
        return "\(header).\(try keyring.seal(Data(token.destination.utf8), for: Self.place(header, token.tenant)))"
    }

    /// Nil for anything that was not made here.
    func open(_ text: String) -> TrackingToken? {
        guard text.utf8.count <= Self.longestToken, let dot = text.firstIndex(of: ".") else { return nil }
        let encoded = String(text[..<dot])
        // One spelling a token: the header is read and written back.
        guard let header = Data(base64URL: encoded), header.count == Self.headerLength, header.base64URL == encoded, header[0] == Self.version,
            let kind = TrackingToken.Kind(rawValue: header[1])
        else { return nil }
        let tenant = TenantID(Self.uuid(header[2..<18]))
        guard let sealed = try? keyring.open(String(text[text.index(after: dot)...]), for: Self.place(encoded, tenant)),
            let destination = String(validating: sealed, as: UTF8.self)
        else { return nil }
        return TrackingToken(
            kind: kind, tenant: tenant, send: SendID(Self.uuid(header[18..<34])), link: Self.number(header[34..<36]),
            links: Self.number(header[36..<38]), destination: destination)
    }

    private static func header(of token: TrackingToken) -> Data {
        var bytes = Data([version, token.kind.rawValue])
        withUnsafeBytes(of: token.tenant.uuid.uuid) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: token.send.uuid.uuid) { bytes.append(contentsOf: $0) }
        for number in [token.link, token.links] { bytes.append(contentsOf: [UInt8(number >> 8), UInt8(number & 255)]) }
        return bytes
    }

    /// Names everything in the clear, so that none of it can be changed.
    private static func place(_ header: String, _ tenant: TenantID) -> Keyring.Place {
        Keyring.Place(purpose: "tracking.destination", row: header, tenant: tenant.uuid)
    }

    private static func uuid(_ bytes: Data) -> UUID {
        Array(bytes).withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }

    private static func number(_ bytes: Data) -> UInt16 {
        bytes.reduce(0) { $0 << 8 | UInt16($1) }
    }
}
