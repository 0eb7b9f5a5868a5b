import Contracts
import Foundation
import Testing

/// The report of `./penguin demo --json`, as far as it is looked at here.
private struct Report: Decodable {
    struct Leads: Decodable {
        let rows: Int
        let created: Int
        let duplicates: Int
        let rejected: Int
    }

    struct Mails: Decodable {
        let total: Int
        let sent: Int
        let bounced: Int
        let failed: Int
        let held: Int
        let inStore: Int
    }

    struct Fault: Decodable {
        let fault: String
    }

    let ok: Bool
    let problems: [String]
    let leads: Leads
    let mails: Mails
    let auditEvents: Int
    let faults: [Fault]
}

@Suite("The main job, with real processes", .serialized)
struct MainJobTests {
    @Test("from signing up to the last mail: every row and every mail of the sample is accounted for")
    func sample() async throws {
        try await PenguinCommand.withFolder { penguin in
            let report = try await Self.demo(penguin)
            #expect(report.leads.rows == 1_000)
            #expect(report.leads.created == 978 && report.leads.duplicates == 12 && report.leads.rejected == 10)
            // The mail server refuses three recipients by name.
            #expect(
                report.mails.total == 978 && report.mails.sent == 975 && report.mails.bounced == 3
                    && report.mails.failed == 0 && report.mails.held == 0)
            #expect(report.mails.inStore == 975)
            #expect(report.auditEvents >= 6)
        }
    }

    @Test("every service killed, Redis emptied and Postgres restarted on the way: nothing lost, nothing twice, what is unknown is held")
    func faults() async throws {
        try await PenguinCommand.withFolder { penguin in
            let report = try await Self.demo(penguin, "--chaos")
            #expect(
                report.faults.map(\.fault) == [
                    "kill -9 auth", "kill -9 billing", "kill -9 campaigns", "kill -9 delivery", "kill -9 audit", "redis FLUSHALL",
                    "postgres immediate restart",
                ])
            #expect(report.mails.total == report.leads.created)
            #expect(report.mails.sent + report.mails.bounced + report.mails.failed + report.mails.held == report.mails.total)
            #expect((report.mails.sent...report.mails.sent + report.mails.held).contains(report.mails.inStore))
            // Only what was on the line at a kill may be unknown: a few connections, not a queue.
            #expect(report.mails.held <= 50)
        }
    }

    private static func demo(_ penguin: PenguinCommand, _ more: String...) async throws -> Report {
        let arguments = ["demo", "--exit", "--json", "--no-build"] + more
        let outcome = try await penguin.run(arguments)
        let said = "\(outcome.output.suffix(2_000))\n\(outcome.messages.suffix(2_000))"
        let line = try #require(outcome.output.split(separator: "\n").last { $0.hasPrefix("{") }, "\(said)")
        let report = try WireJSON.decoder().decode(Report.self, from: Data(line.utf8))
        #expect(report.ok && outcome.status == 0, "\(report.problems)")
        return report
    }
}
