import Contracts
import Foundation

/// What one of the operator's people may read under a support session.
enum SupportScope: String, Sendable, Codable, CaseIterable {
    /// The company's audit trail.
    case audit

    /// Whether it covers a path of the gateway's route table, as the client wrote it, at this service. What is not named here nobody may read.
    func covers(_ target: String, at audience: ServiceName) -> Bool {
        let written = target.prefix { $0 != "?" && $0 != "#" }
        guard let path = String(written).removingPercentEncoding else { return false }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        // The gateway refuses these; nothing here may read a path in another way than it does.
        guard path.hasPrefix("/"), !segments.contains(where: { $0 == "." || $0 == ".." }) else { return false }
        switch self {
        case .audit:
            guard audience == .audit else { return false }
            return segments.starts(with: ["api", "v1", "audit"])
                || segments.starts(with: ["api", "v1", "platform", "admin", "audit-events"])
                || segments.count == 7 && segments.starts(with: ["api", "v1", "platform", "admin", "users"]) && segments[6] == "audit-trail"
        }
    }
}
