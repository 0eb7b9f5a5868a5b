import Contracts
import Foundation
import HTTP
import HTTPTypes
import Testing

@Suite("Seats of streams")
struct StreamSeatsTests {
    @Test("a company and all together have so many; who leaves makes room once, who never began does so by going away")
    func seats() throws {
        let seats = StreamSeats(of: "the test", most: 2, ofOne: 1)
        let (ada, bo, cy) = (TenantID(UUID()), TenantID(UUID()), TenantID(UUID()))
        let first = try seats.take(of: ada)
        let refused = #expect(throws: Problem.self) { try seats.take(of: ada) }
        #expect(refused?.status == .tooManyRequests && refused?.kind == "too_many_streams" && refused?.headers[.retryAfter] != nil)
        #expect(refused?.title.contains("the test") == true)
        var second: StreamSeat? = try seats.take(of: bo)
        #expect(throws: Problem.self) { try seats.take(of: cy) }
        first.leave()
        first.leave()
        let third = try seats.take(of: cy)
        #expect(throws: Problem.self) { try seats.take(of: ada) }
        // Its stream never began.
        #expect(second != nil)
        second = nil
        let fourth = try seats.take(of: ada)
        #expect(throws: Problem.self) { try seats.take(of: bo) }
        third.leave()
        fourth.leave()
    }
}
