import Postgres

/// Mails that are bought once, as staff edit them: with what they are at Stripe.
struct PackRecord: Encodable, Sendable, Equatable {
    let code: String
    let mails: Int64
    let currency: String
    /// In the currency's smallest unit.
    let amount: Int64
    let stripePrice: String?
    let revision: Int64

    init(row: Row) throws(PostgresError) {
        code = try row.decode("code")
        mails = try row.decode("mails")
        currency = try row.decode("currency")
        amount = try row.decode("amount")
        stripePrice = try row.decodeOptional("stripe_price")
        revision = try row.decode("revision")
    }
}

/// The SQL of editing packs.
enum PackRecordStore {
    private static let columns: SQL = "k.code, k.mails, k.currency, k.amount, k.stripe_price, k.revision"

    static func all(in database: Database) async throws -> [PackRecord] {
        try await database.query("select \(columns) from mail_packs k order by k.mails, k.code").map(PackRecord.init(row:))
    }

    static func find(_ code: String, in database: Database) async throws -> PackRecord? {
        try await database.query("select \(columns) from mail_packs k where k.code = \(code)").first.map(PackRecord.init(row:))
    }

    /// Locked until the transaction ends, so that of two changes at once none is lost.
    static func lock(_ code: String, in transaction: Transaction) async throws -> PackRecord? {
        try await transaction.query("select \(columns) from mail_packs k where k.code = \(code) for update").first.map(PackRecord.init(row:))
    }

    static func update(_ code: String, _ change: PackEditor.Change, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update mail_packs set mails = \(change.mails), currency = \(change.money.currency), amount = \(change.money.amount),
                stripe_price = \(change.stripePrice), revision = revision + 1
            where code = \(code)
            """)
    }
}
