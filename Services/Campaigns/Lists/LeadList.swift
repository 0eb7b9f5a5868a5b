import Contracts
import Foundation

/// A list that people fill by hand or by import.
struct LeadList: Codable, Sendable, Equatable {
    let id: ListID
    let workspace: WorkspaceID
    /// Unique in its workspace.
    var name: String
    /// How many are in it.
    var leads: Int64 = 0
    /// Raised when the list is renamed; not by its members, so that adding to it stands in nobody's way.
    var revision: Int64 = 1
    let createdAt: Date
}

/// What became of leads that were to come into a list; the parts sum to the different leads that were asked for.
struct ListAddition: Codable, Sendable, Equatable {
    let added: Int
    /// Were in it before.
    let known: Int
    /// Are not leads of the list's workspace.
    let skipped: Int
    /// How many are in the list now.
    let leads: Int64
}

/// What became of leads that were to leave a list.
struct ListRemoval: Codable, Sendable, Equatable {
    let removed: Int
    /// How many are in the list now.
    let leads: Int64
}
