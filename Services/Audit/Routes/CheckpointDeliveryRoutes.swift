import Contracts
import Foundation
import HTTP
import Hummingbird
import Primitives

/// Where a company's newest checkpoint is sent once a day, so that somebody else than we has it.
struct CheckpointDeliveryRoutes {
    let deliveries: CheckpointDeliveries

    struct SetRequest: Decodable {
        let kind: String
        let url: String?
        let address: String?
    }

    private struct DeliveryAnswer: Encodable {
        let kind: CheckpointChannel
        let url: String?
        let address: String?
        /// Of a webhook, in the answer that sets it and in no other.
        let secret: String?
        let setBy: String
        let setAt: Date
        let nextAt: Date
        let deliveredAt: Date?
        /// Of the tree that was delivered last.
        let size: Int64?
        let failure: String?
        let failingSince: Date?

        init(_ delivery: CheckpointDelivery, secret: String? = nil) {
            kind = delivery.channel
            url = delivery.channel == .webhook ? delivery.target : nil
            address = delivery.channel == .mail ? delivery.target : nil
            self.secret = secret
            setBy = delivery.setBy
            setAt = delivery.setAt
            nextAt = delivery.nextAt
            deliveredAt = delivery.deliveredAt
            size = delivery.deliveredSize
            failure = delivery.failure
            failingSince = delivery.failingSince
        }
    }

    private struct TrialAnswer: Encodable {
        let delivered: Bool
        let size: Int64
        /// What the other side answered: the status of HTTP or the code of SMTP, and the beginning of its words.
        let status: Int?
        let answer: String?
        let failure: String?
    }

    func add(to router: Router<AppContext>) {
        let path: RouterPath = "/api/v1/audit/checkpoint-delivery"
        router.get(path) { _, context in
            let identity = try Self.company(context)
            guard let delivery = try await deliveries.find(of: identity.tenant) else { throw Problem.notFound("delivery of checkpoints") }
            return try Response.json(DeliveryAnswer(delivery))
        }
        router.put(path) { request, context in
            let identity = try Self.company(context)
            let wish = try Self.wish(try await request.json(SetRequest.self))
            let (delivery, secret) = try await deliveries.set(wish, by: identity, audit: context.audit("checkpoint_delivery.set", targets: []))
            return try Response.json(DeliveryAnswer(delivery, secret: secret))
        }
        router.delete(path) { _, context in
            let identity = try Self.company(context)
            guard try await deliveries.delete(by: identity, audit: context.audit("checkpoint_delivery.delete", targets: [])) else {
                throw Problem.notFound("delivery of checkpoints")
            }
            return Response.noContent
        }
        router.post("/api/v1/audit/checkpoint-delivery/test") { _, context in
            let trial = try await deliveries.test(of: try Self.company(context).tenant)
            return try Response.json(
                TrialAnswer(
                    delivered: trial.failure == nil, size: trial.size, status: trial.reply?.status, answer: trial.reply?.text,
                    failure: trial.failure))
        }
    }

    private static func wish(_ request: SetRequest) throws(Problem) -> CheckpointDeliveries.Wish {
        switch request.kind {
        case "webhook":
            guard let url = request.url else { throw Problem.invalid("A webhook needs its url.", field: "url") }
            guard request.address == nil else { throw Problem.invalid("A webhook has no address.", field: "address") }
            return .webhook(url)
        case "mail":
            guard let address = request.address else { throw Problem.invalid("Mail needs an address.", field: "address") }
            guard request.url == nil else { throw Problem.invalid("Mail has no url.", field: "url") }
            return .mail(address)
        default:
            throw Problem.invalid("kind is webhook or mail.", field: "kind")
        }
    }

    /// Owners and admins of the company itself: support and programs with a key read the trail, and settle nothing.
    private static func company(_ context: AppContext) throws(Problem) -> Identity {
        let identity = try context.require(atLeast: .admin)
        guard identity.support == nil, identity.apiKey == nil else { throw Problem.forbidden("This is for people of the company.") }
        return identity
    }
}
