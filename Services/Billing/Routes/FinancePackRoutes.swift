import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird

/// Mail packs, as the operator's people edit them.
struct FinancePackRoutes {
    /// As many as nobody sends in a period.
    private static let mostMails: Int64 = 1_000_000_000

    let finance: Finance

    private struct PackRequest: Decodable {
        let stripePrice: String?
        let amount: Int64
        let currency: String
        let mails: Int64
        let reason: String
    }

    /// `routes` is the group of finance.
    func add(to routes: RouterGroup<AppContext>) {
        routes.get("packs") { _, context in
            _ = try context.require(staff: .finance)
            let packs = try await PackRecordStore.all(in: finance.worker)
            return try Response.json(Page(packs, limit: max(1, packs.count)) { $0.code })
        }
        routes.get("packs/{code}") { _, context in
            _ = try context.require(staff: .finance)
            return try Self.answer(try await PackRecordStore.find(try code(context), in: finance.worker))
        }
        routes.put("packs/{code}") { request, context in
            let staff = try context.require(staff: .finance)
            let expected = try Revision.required(by: request)
            let input = try await request.json(PackRequest.self)
            let (change, reason) = (try checked(input), try FinanceRoutes.checked(reason: input.reason))
            return try Self.answer(
                try await PackEditor(finance: finance).change(
                    try code(context), to: change, expecting: expected, reason: reason, by: staff, audit: context.financeAudit))
        }
    }

    private static func answer(_ pack: PackRecord?) throws -> Response {
        guard let pack else { throw Problem.notFound("pack") }
        return try Response.json(pack, headers: Revision(pack.revision).header)
    }

    private func code(_ context: AppContext) throws(Problem) -> String {
        guard let code = context.parameters.get("code"), code.utf8.count <= 64 else { throw Problem.notFound("pack") }
        return code
    }

    private func checked(_ input: PackRequest) throws(Problem) -> PackEditor.Change {
        guard (1...Self.mostMails).contains(input.mails) else { throw Problem.invalid("mails must be 1 to \(Self.mostMails).", field: "mails") }
        let money = try FinanceRoutes.checked(input.amount, input.currency, stripePrice: input.stripePrice)
        return PackEditor.Change(mails: input.mails, money: money, stripePrice: input.stripePrice)
    }
}
