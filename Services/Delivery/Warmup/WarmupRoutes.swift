import Contracts
import Foundation
import HTTP
import Hummingbird
import ServiceRuntime

/// The warm-up of a mailbox for its owner, and the strategies for everybody; staff changes them.
struct WarmupRoutes {
    let warmups: Warmups

    private struct StrategyRequest: Decodable {
        let title: String
        let description: String
        let least: Int
        let shares: [Double]
    }

    private struct StrategyAnswer: Encodable, Sendable {
        let name: String
        let title: String
        let description: String
        let days: Int
        let least: Int
        let shares: [Double]

        init(_ strategy: WarmupStrategy) {
            name = strategy.name
            title = strategy.title
            description = strategy.description
            days = strategy.days
            least = strategy.least
            shares = strategy.shares
        }
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/mailboxes/{id}/warmup") { _, context in
            let identity = try context.requireIdentity()
            return try Response.json(try await warmups.view(of: try context.identifier("id", as: MailboxID.self), identity))
        }
        router.put("/api/v1/mailboxes/{id}/warmup") { request, context in
            let identity = try context.require(atLeast: .member)
            let mailbox = try context.identifier("id", as: MailboxID.self)
            let wish = try await request.json(Warmups.Wish.self)
            let view = try await warmups.set(wish, of: mailbox, by: identity) { target in
                var metadata = ["state": wish.state.rawValue]
                metadata["strategy"] = wish.strategy
                metadata["target"] = wish.target.map(String.init)
                return context.audit("mailbox.warm_up", targets: [target], metadata: metadata)
            }
            return try Response.json(view)
        }
        router.get("/api/v1/mailboxes/warmup-strategies") { _, context in
            _ = try context.requireIdentity()
            return try await list()
        }
        router.get("/api/v1/platform/system/warmup-strategies") { _, context in
            _ = try context.require(staff: .ops, .support)
            return try await list()
        }
        router.put("/api/v1/platform/system/warmup-strategies/{name}") { request, context in
            let identity = try context.require(staff: .ops)
            let strategy = try read(try await request.json(StrategyRequest.self), named: context.parameters.get("name") ?? "")
            let record = context.audit(
                "warmup_strategy.change", targets: [.init(type: "warmup_strategy", id: strategy.name, name: strategy.title)],
                metadata: ["days": String(strategy.days), "least": String(strategy.least)])
            try await warmups.write(strategy, by: identity, audit: record)
            return try Response.json(StrategyAnswer(strategy))
        }
    }

    private func list() async throws -> Response {
        let all = try await WarmupStore.strategies(in: warmups.worker).map(StrategyAnswer.init)
        return try Response.json(Page(all, limit: max(1, all.count)) { $0.name })
    }

    private func read(_ request: StrategyRequest, named name: String) throws(Problem) -> WarmupStrategy {
        let letters = name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
        guard (1...32).contains(name.utf8.count), letters, name.utf8.first.map({ (0x61...0x7A).contains($0) }) ?? false else {
            throw Problem.invalid("A strategy's name has 1 to 32 of a–z, 0–9 and _, and begins with a letter.", field: "name")
        }
        guard (1...100).contains(request.title.count), !request.title.contains(where: \.isNewline) else {
            throw Problem.invalid("title must have 1 to 100 characters in one line.", field: "title")
        }
        guard request.description.count <= 500 else { throw Problem.invalid("description must have at most 500 characters.", field: "description") }
        let strategy = WarmupStrategy(
            name: name, title: request.title, description: request.description, least: request.least, shares: request.shares)
        do throws(WarmupStrategy.Fault) {
            try strategy.check()
        } catch {
            throw Problem.invalid(Self.words(error), field: error == .leastOutOfRange ? "least" : "shares")
        }
        return strategy
    }

    private static func words(_ fault: WarmupStrategy.Fault) -> String {
        switch fault {
        case .noSteps: "shares must have at least one step."
        case .tooManySteps: "shares must have at most \(WarmupStrategy.mostDays) steps."
        case .shareOutOfRange: "Each share must be above 0 and at most 1."
        case .falls: "Shares must not fall."
        case .endsBelowOne: "The last share must be 1."
        case .leastOutOfRange: "least must be 1 to 1000."
        }
    }
}
