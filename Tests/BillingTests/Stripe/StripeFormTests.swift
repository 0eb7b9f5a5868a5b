import Foundation
import TestSupport
import Testing

@testable import Billing

@Suite("Parameters of Stripe's API")
struct StripeFormTests {
    @Test("names nest in brackets, in the order of their bytes; truths are words, numbers digits, and what is special is escaped")
    func nesting() {
        let parameters: StripeParameters = [
            "mode": "subscription", "expires_at": 1_800_000_000, "allow_promotion_codes": true, "automatic_tax": ["enabled": false],
            "line_items": [["quantity": 1, "price": "price_1"], ["price": "price_2"]], "metadata": ["tenant": "a b&c=d[é]"],
        ]
        let expected = [
            "allow_promotion_codes=true", "automatic_tax%5Benabled%5D=false", "expires_at=1800000000", "line_items%5B0%5D%5Bprice%5D=price_1",
            "line_items%5B0%5D%5Bquantity%5D=1", "line_items%5B1%5D%5Bprice%5D=price_2", "metadata%5Btenant%5D=a%20b%26c%3Dd%5B%C3%A9%5D",
            "mode=subscription",
        ]
        #expect(StripeForm.encode(parameters) == expected.joined(separator: "&"))
    }

    @Test("nothing is sent of what is empty, but empty text is")
    func empty() {
        #expect(StripeForm.encode([:]) == "")
        #expect(StripeForm.encode(["items": [], "metadata": [:], "cancel_at": ""]) == "cancel_at=")
    }

    @Test("the same parameters are the same text, in whatever order they were put together", arguments: (1...50) as ClosedRange<UInt64>)
    func deterministic(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let names = (0..<12).map { "name_\($0)" }
        func build() -> StripeParameters {
            var parameters: StripeParameters = [:]
            for name in names.shuffled(using: &random) {
                let members = names.shuffled(using: &random).map { ($0, StripeValue.text("\(name) of \($0)")) }
                parameters[name] = .map(members)
            }
            return parameters
        }
        let (one, other) = (build(), build())
        #expect(one == other)
        #expect(StripeForm.encode(one) == StripeForm.encode(other))
    }

    @Test("values are equal by what they say")
    func equality() {
        #expect(StripeValue.map([("a", 1), ("b", [true])]) == ["b": [true], "a": 1])
        #expect(StripeValue.integer(1) != "1" && StripeValue.map([("a", 1)]) != ["a": 2] && StripeValue.list([1]) != [1, 2])
    }

    @Test(
        "a call has a path of plain segments, and v1 may be left out",
        arguments: [
            ("/v1/customers/cus_1", "/v1/customers/cus_1"), ("customers", "/v1/customers"), ("/customers/cus-1", "/v1/customers/cus-1"),
            ("/v1/customers/../accounts", nil), ("/v1/customers//x", nil), ("/v1/customers/a?b=c", nil), ("/v1/", nil), ("customers/é", nil),
            ("/v1/customers/a%2Fb", nil),
        ] as [(String, String?)])
    func paths(path: String, expected: String?) {
        let call = try? StripeCall(method: "GET", path: path, parameters: "", account: "", wireKey: nil, isConfigured: true)
        #expect(call?.path == expected)
    }

    @Test("operations are named by what they are, whatever object they are about, and each is in the double's table")
    func operations() {
        #expect(StripeOperation(method: "POST", path: "/v1/invoices/create_preview") == .previewInvoice)
        #expect(StripeOperation(method: "POST", path: "/v1/invoices/in_1/pay") == .payInvoice)
        #expect(StripeOperation(method: "GET", path: "/v1/customers/search") == .searchCustomers)
        #expect(StripeOperation(method: "DELETE", path: "/v1/subscriptions/sub_1") == .cancelSubscription)
        #expect(StripeOperation(method: "PUT", path: "/v1/customers/cus_1") == nil)
        #expect(StripeOperation(method: "GET", path: "/v1/payouts") == nil)
        #expect(Set(StripeOperation.allCases.map(\.rawValue)) == Set(StripeSpecification.operations.keys))
        #expect(StripeSpecification.version == StripeClient.apiVersion)
    }
}
