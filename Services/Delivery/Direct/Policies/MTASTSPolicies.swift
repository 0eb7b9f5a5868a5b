import DNS
import Foundation
import Logging
import Primitives

/// The policy of a domain, as DNS announces it and its file says it; remembered until it ends.
///
/// A policy that was fetched holds until its `max_age`, whatever fails meanwhile: whoever cuts us off from DNS or the file must not turn it off.
struct MTASTSPolicies: Sendable {
    /// How long DNS is not asked again.
    static let freshness: TimeInterval = 3_600
    /// Fetched anew also without another identifier, so that it does not come to its end.
    static let refresh: TimeInterval = 86_400
    /// After a fetch that failed (RFC 8461, 3.3).
    static let pause: TimeInterval = 300
    /// As long as we look back: then it may be forgotten.
    static let kept: TimeInterval = 30 * 86_400

    let store: MTASTSStore
    let resolver: DNSResolver
    let fetch: @Sendable (String) async throws(MTASTSFetcher.Failure) -> MTASTSPolicy
    let clock: WallClock
    let logger: Logger

    /// What holds for mail to a domain at this moment.
    struct Finding: Sendable, Equatable {
        var policy: MTASTSPolicy?
        /// Why a policy that is announced could not be had, when that was tried just now.
        var failure: MTASTSFetcher.Failure?
    }

    /// Throws when the database is away: nobody knows then whether there is a policy.
    func find(_ domain: String) async throws -> Finding {
        let now = clock.now
        let known = try await store.find(domain)
        if let known, now.timeIntervalSince(known.checkedAt) < Self.freshness, now >= known.checkedAt {
            // Also what failed a while ago is not asked again at each mail.
            guard known.failure != nil, now.timeIntervalSince(known.failedAt ?? now) >= Self.pause else {
                return Finding(policy: known.policy(at: now))
            }
        }
        var memory = known ?? MTASTSMemory(checkedAt: now)
        memory.checkedAt = now
        let announced: String?
        do throws(DNSFailure) {
            announced = MTASTSPolicy.identifier(in: try await resolver.query("_mta-sts.\(domain)", .txt).records().texts)
        } catch {
            // Asked again soon: nothing was learned.
            return Finding(policy: memory.policy(at: now))
        }
        guard let announced else {
            // None any more: the last one holds to its end.
            (memory.failure, memory.failedAt) = (nil, nil)
            try await store.put(memory, of: domain)
            return Finding(policy: memory.policy(at: now))
        }
        let isCurrent = memory.policyID == announced && memory.policy(at: now) != nil
        let isYoung = memory.fetchedAt.map { now.timeIntervalSince($0) < Self.refresh } ?? false
        if isCurrent, isYoung {
            try await store.put(memory, of: domain)
            return Finding(policy: memory.policy(at: now))
        }
        var failure: MTASTSFetcher.Failure?
        do throws(MTASTSFetcher.Failure) {
            let policy = try await fetch(domain)
            memory = MTASTSMemory(
                policyID: announced, policy: policy, fetchedAt: now, expiresAt: now.addingTimeInterval(TimeInterval(policy.maxAge)), checkedAt: now)
        } catch {
            failure = error
            (memory.failure, memory.failedAt) = (error.reason, now)
            logger.info("an MTA-STS policy could not be fetched", metadata: ["domain": "\(domain)", "reason": "\(error.reason)"])
        }
        try await store.put(memory, of: domain)
        return Finding(policy: memory.policy(at: now), failure: failure)
    }
}
