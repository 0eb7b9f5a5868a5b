import HTTP

/// A page of leads, and where it was asked for how many there are of all pages.
struct LeadListing: Encodable, Sendable {
    /// Up to where leads are counted.
    static let mostCounted = 10_000

    let data: [Lead]
    let page: Page<Lead>.Links
    let count: Int?
    /// False: there are more than ``count``.
    let countExact: Bool?

    /// `found`: how many were counted, of at most one more than ``mostCounted``.
    init(_ page: Page<Lead>, found: Int?) {
        data = page.data
        self.page = page.page
        count = found.map { min($0, Self.mostCounted) }
        countExact = found.map { $0 <= Self.mostCounted }
    }
}
