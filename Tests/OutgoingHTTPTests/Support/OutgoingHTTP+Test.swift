import Foundation
import Logging

@testable import OutgoingHTTP

extension OutgoingHTTP {
    /// One that may go anywhere unless a test says otherwise; `names` are `name:port:address`.
    static func test(
        reach: OutgoingReach = .anywhere, certificates: String = "", names: [String] = [], _ change: (inout OutgoingLimits) -> Void = { _ in }
    ) throws -> OutgoingHTTP {
        var limits = OutgoingLimits()
        change(&limits)
        return try OutgoingHTTP(
            TransferSettings(reach: reach, certificates: certificates, userAgent: "Test", limits: limits, names: names),
            logger: Logger(label: "test.outgoing"))
    }

    /// Posts to an address that is not looked at before, so that only the socket's check stands in the way.
    func post(
        _ text: String, headers: [(name: String, value: String)] = [], body: String = "{}"
    ) async throws(OutgoingError) -> OutgoingAnswer {
        let address = try OutgoingAddress(text, reach: .anywhere)
        return try await post(OutgoingRequest(to: address, headers: headers, body: Data(body.utf8)))
    }
}

/// The error's code, or nil when there was none.
func code(_ work: () async throws(OutgoingError) -> OutgoingAnswer) async -> OutgoingError.Code? {
    do throws(OutgoingError) {
        _ = try await work()
        return nil
    } catch {
        return error.code
    }
}
