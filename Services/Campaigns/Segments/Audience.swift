import Contracts
import Foundation

/// To whom a campaign writes: `{"kind":"workspace"}`, or `list` or `segment` with its `id`.
enum Audience: Codable, Sendable, Equatable {
    case workspace
    case list(ListID)
    case segment(SegmentID)

    private enum CodingKeys: String, CodingKey {
        case kind, id
    }

    private enum Kind: String, Codable {
        case workspace
        case list
        case segment
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        switch try container.decode(Kind.self, forKey: .kind) {
        case .workspace: self = .workspace
        case .list: self = .list(try container.decode(ListID.self, forKey: .id))
        case .segment: self = .segment(try container.decode(SegmentID.self, forKey: .id))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .workspace: try container.encode(Kind.workspace, forKey: .kind)
        case .list(let list):
            try container.encode(Kind.list, forKey: .kind)
            try container.encode(list, forKey: .id)
        case .segment(let segment):
            try container.encode(Kind.segment, forKey: .kind)
            try container.encode(segment, forKey: .id)
        }
    }
}

/// Why nobody can say who an audience is.
enum AudienceError: Error, Sendable, Equatable {
    /// The workspace has no such segment, or no longer.
    case segmentGone
    /// The workspace has no such list, or no longer.
    case listGone
    /// The segment asks for what is no longer there, such as a field that was deleted.
    case segmentInvalid(SegmentFilter.Invalid)
}
