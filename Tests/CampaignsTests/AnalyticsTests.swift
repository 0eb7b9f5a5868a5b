import Contracts
import Foundation
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Campaigns

@Suite("What campaigns came to")
struct AnalyticsTests {
    private static let first = CivilDay.number(year: 2026, month: 10, day: 12)

    /// Figures of some steps, variants and days that a seed determines; steps 5 and variants C are none of the campaign's any more.
    private func rows(seed: UInt64, days: Int, steps: [Int] = [1, 2, 5], variants: [String] = ["A", "B", "C"]) -> [StatRow] {
        var random = SeededRandom(seed: seed)
        var rows: [StatRow] = []
        for day in Self.first..<Self.first + days {
            for step in steps {
                for variant in variants where Int.random(in: 0..<3, using: &random) > 0 {
                    func count(_ most: Int64) -> Int64 { Int64.random(in: 0...most, using: &random) }
                    let figures = MailFigures(
                        sent: count(1_000), refused: count(20), bounced: count(30), opened: count(400), machineOpened: count(300),
                        clicked: count(90), replied: count(40), complained: count(3), unsubscribed: count(9))
                    rows.append(StatRow(day: CivilDay.text(of: day), step: step, variant: variant, figures: figures))
                }
            }
        }
        return rows
    }

    private func steps() -> [Step] {
        func variants(_ names: [String]) -> [EmailStep.Variant] {
            names.map { .init(name: $0, template: TemplateID(UUID()), templateVersion: 1, weight: $0 == "A" ? 3 : 1) }
        }
        return [
            Step(number: 1, action: .email(EmailStep(variants: variants(["A", "B"])))), Step(number: 3, action: .wait(3_600)),
            Step(number: 2, action: .email(EmailStep(variants: variants(["A"])))),
        ]
    }

    @Test("whatever tells them apart, the parts sum to the totals and to what is stored", arguments: UInt64(0)..<5)
    func sums(seed: UInt64) async throws {
        let ground = try await AnalyticsGround.make(steps: steps())
        let all = rows(seed: seed, days: 12)
        try await ground.insert(all)
        let (from, to) = (CivilDay.text(of: Self.first + 3), CivilDay.text(of: Self.first + 8))
        for (query, kept) in [("", all), ("&from=\(from)&to=\(to)", all.filter { ($0.day ?? "") >= from && ($0.day ?? "") <= to })] {
            let expected = WireFigures(MailFigures.sum(of: kept.map(\.figures)))
            for group in ["none", "step", "variant", "day"] {
                let report: WireReport = try await ground.read("\(ground.path)/analytics?group=\(group)\(query)")
                #expect(report.totals == expected, "\(group)")
                let groups = try #require(report.groups)
                if group == "none" { #expect(groups.isEmpty) } else { #expect(WireFigures.sum(groups.map(\.figures)) == expected, "\(group)") }
                for part in groups {
                    let mine = kept.filter { row in
                        (part.day == nil || part.day == row.day) && (part.step == nil || part.step == row.step)
                            && (part.variant == nil || part.variant == row.variant)
                    }
                    #expect(part.figures == WireFigures(MailFigures.sum(of: mine.map(\.figures))))
                }
            }
        }
    }

    @Test("the file has one line a day, step and variant, and adds up to what the report says")
    func file() async throws {
        let ground = try await AnalyticsGround.make(steps: steps())
        // More than one reading of the store, and a name that a spreadsheet would run.
        let all = rows(seed: 7, days: 60, steps: [1, 2, 5, 6, 7], variants: ["A", "B", "=C"])
        #expect(all.count > 500)
        try await ground.insert(all)
        let file = try await ground.fixture.send(.get, "\(ground.path)/analytics.csv")
        let lines = file.body.split(separator: "\r\n").map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
        #expect(file.status == 200 && lines.count == all.count + 1)
        #expect(lines[0].prefix(5) == ["day", "step", "variant", "sent", "delivered"])
        let cells = lines.dropFirst().map { line in
            let variant = line[2] == "'=C" ? "=C" : line[2]
            return (place: [line[0], line[1], variant], figures: WireFigures(line[3...].compactMap { Int64($0) }))
        }
        #expect(Set(cells.map(\.place)).count == all.count)
        for group in ["day", "variant"] {
            let report: WireReport = try await ground.read("\(ground.path)/analytics?group=\(group)")
            for part in try #require(report.groups) where part.figures != WireFigures() {
                let mine = cells.filter { cell in
                    group == "day" ? cell.place[0] == part.day : cell.place[1] == "\(part.step ?? 0)" && cell.place[2] == part.variant
                }
                #expect(WireFigures.sum(mine.map(\.figures)) == part.figures)
            }
            #expect(WireFigures.sum(cells.map(\.figures)) == report.totals)
        }
        let week = try await ground.fixture.send(.get, "\(ground.path)/analytics.csv?from=2026-10-12&to=2026-10-13")
        let early = all.filter { ($0.day ?? "") <= "2026-10-13" }
        #expect(week.body.split(separator: "\r\n").count == early.count + 1)
    }

    @Test("a series has every day once, over both changes of the clock, and sums to its totals", arguments: ["2026-10-25", "2027-03-28"])
    func clockChange(day: String) async throws {
        let ground = try await AnalyticsGround.make(steps: steps())
        let change = try #require(CivilDay.number(of: day))
        // Some days have nothing, and one lies outside.
        let days = [change - 6, change - 1, change, change + 1, change + 5, change + 40]
        let stored = days.enumerated().map { index, day in
            let figures = MailFigures(sent: Int64(index + 1), opened: 1)
            return StatRow(day: CivilDay.text(of: day), step: 1, variant: index % 2 == 0 ? "A" : "B", figures: figures)
        }
        try await ground.insert(stored)
        let (from, to) = (CivilDay.text(of: change - 6), CivilDay.text(of: change + 7))
        let daily: WireReport = try await ground.read("\(ground.path)/analytics/series?from=\(from)&to=\(to)")
        let points = try #require(daily.points)
        #expect(points.map(\.from) == (change - 6...change + 7).map { CivilDay.text(of: $0) } && points.allSatisfy { $0.from == $0.to })
        #expect(points.map(\.figures.sent) == [1, 0, 0, 0, 0, 2, 3, 4, 0, 0, 0, 5, 0, 0])
        let weekly: WireReport = try await ground.read("\(ground.path)/analytics/series?from=\(from)&to=\(to)&interval=week")
        for report in [daily, weekly] {
            #expect(WireFigures.sum(report.points?.map(\.figures) ?? []) == report.totals && report.totals.sent == 15 && report.totals.opened == 5)
        }
        // Monday to Sunday: both days are Sundays.
        #expect(weekly.points?.map(\.to) == [CivilDay.text(of: change), CivilDay.text(of: change + 7)])
        let one: WireReport = try await ground.read("\(ground.path)/analytics/series?from=\(from)&to=\(to)&step=1&variant=B")
        #expect(one.totals.sent == 2 + 4)
        // Without days it covers whatever has figures, and the totals are those of the report.
        let whole: WireReport = try await ground.read("\(ground.path)/analytics/series")
        #expect(whole.totals.sent == 21 && whole.points?.first?.from ?? "" <= from)
    }

    @Test("weeks and days are whole, adjoining and complete, wherever they begin", arguments: UInt64(0)..<20)
    func points(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let first = Self.first + Int.random(in: 0..<400, using: &random)
        let last = first + Int.random(in: 0..<60, using: &random)
        let days = Dictionary(uniqueKeysWithValues: (first - 5...last + 5).map { ($0, MailFigures(sent: Int64.random(in: 0..<9, using: &random))) })
        for interval in FigureSeries.Interval.allCases {
            let points = FigureSeries.points(days, from: first, through: last, by: interval)
            #expect(points.first?.from == CivilDay.text(of: first) && points.last?.to == CivilDay.text(of: last))
            for (point, next) in zip(points, points.dropFirst()) {
                #expect(CivilDay.number(of: next.from) == CivilDay.number(of: point.to).map { $0 + 1 })
                if interval == .week { #expect(CivilDay.number(of: next.from).map(CivilDay.weekday(of:)) == 1) }
            }
            #expect(MailFigures.sum(of: points.map(\.figures)).sent == (first...last).reduce(0) { $0 + (days[$1]?.sent ?? 0) })
        }
    }

    @Test("steps and variants have their names, shares and winners, also those that an edit took away")
    func names() async throws {
        let ground = try await AnalyticsGround.make(steps: steps() + [AnalyticsGround.mail].map { Step(number: 5, action: $0.action) })
        let template = try #require(AnalyticsGround.mail.email?.variants.first?.template)
        try await ground.worker.query(
            """
            insert into templates (tenant_id, id, workspace_id, name, version, created_at)
            values (\(ground.tenant), \(template), \(ground.workspace), 'Hello', 1, \(ground.now))
            """)
        // The edit: step 5 goes.
        try await ground.worker.query(
            """
            insert into campaign_sequences (tenant_id, campaign_id, version, steps, created_at)
            values (\(ground.tenant), \(ground.campaign), 2, \(try PostgresJSON(steps())), \(ground.now))
            """)
        try await ground.worker.query("update campaigns set sequence_version = 2 where tenant_id = \(ground.tenant)")
        try await ground.worker.query(
            """
            insert into step_tests (tenant_id, campaign_id, step, opened_at, winner)
            values (\(ground.tenant), \(ground.campaign), 1, \(ground.now), 'B')
            """)
        try await ground.insert([StatRow(day: "2026-11-02", step: 5, variant: "A", figures: MailFigures(sent: 10, bounced: 2, opened: 4))])
        let byStep: WireReport = try await ground.read("\(ground.path)/analytics?group=step")
        #expect(byStep.groups?.map(\.step) == [1, 3, 2, 5] && byStep.groups?.map(\.kind) == ["email", "wait", "email", "email"])
        #expect(byStep.groups?.map(\.isCurrent) == [true, true, true, false] && byStep.groups?.last?.templates?.map(\.name) == ["Hello"])
        let answer = try await ground.fixture.send(.get, "\(ground.path)/analytics?group=variant")
        let byVariant = try WireJSON.decoder().decode(WireReport.self, from: Data(answer.body.utf8))
        #expect(byVariant.groups?.map(\.variant) == ["A", "B", "A", "A"] && byVariant.groups?.map(\.isWinner) == [false, true, false, false])
        #expect(byVariant.groups?.map(\.share) == [0.75, 0.25, 1, nil] && byVariant.groups?.last?.template?.name == "Hello")
        // Of eight that arrived four were opened; of ten that went two came back.
        #expect(answer.body.contains(#""opened":0.5"#) && answer.body.contains(#""bounced":0.2"#) && byVariant.totals.delivered == 8)
    }

    @Test("what Delivery tells is what the report says, repeated or not, and the enrolments' parts sum up too", arguments: UInt64(0)..<3)
    func told(seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        let ground = try await AnalyticsGround.make()
        var keys: [(key: String, enrolment: EnrolmentID)] = []
        for number in 0..<25 {
            let enrolment = try await ground.enrol(
                try await ground.lead("l\(number)@x.org"), status: .queued, send: .queued, variant: number % 3 == 0 ? "B" : "A")
            keys.append((Enrolment.sendKey(enrolment, step: 1), enrolment))
        }
        let states: [DeliveryEvents.SendState] = [.accepted, .accepted, .accepted, .refused, .ambiguous, .deferred]
        let kinds: [DeliveryEvents.FeedbackKind] = [.opened, .clicked, .replied, .hardBounce, .complained, .unsubscribed]
        for _ in 0..<80 {
            let (key, enrolment) = keys[Int.random(in: 0..<keys.count, using: &random)]
            ground.fixture.house.clock.advance(by: .seconds(3_600))
            if Bool.random(using: &random) {
                let state = states[Int.random(in: 0..<states.count, using: &random)]
                let send = DeliveryEvents.ResolvedSend(
                    sendKey: key, version: Int64.random(in: 1...4, using: &random), campaign: ground.campaign, enrolment: enrolment, state: state,
                    code: nil, at: ground.now)
                try await ground.fixture.tell(DeliveryEvents.SendsResolved(sends: [send]))
            } else {
                let kind = kinds[Int.random(in: 0..<kinds.count, using: &random)]
                let isMachine = kind == .opened && Bool.random(using: &random)
                let feedback = DeliveryEvents.Feedback(
                    kind: kind, sendKey: key, campaign: ground.campaign, enrolment: enrolment, isMachine: isMachine, at: ground.now)
                try await ground.fixture.tell(DeliveryEvents.FeedbackReceived(feedback: [feedback, feedback]))
            }
        }
        let row = try await ground.worker.query(
            """
            select count(*) filter (where state in ('accepted', 'ambiguous')) as sent, count(*) filter (where state = 'refused') as refused,
                count(bounced_at) as bounced, count(opened_at) as opened, count(machine_opened_at) as machine_opened, count(clicked_at) as clicked,
                count(replied_at) as replied, count(complained_at) as complained, count(unsubscribed_at) as unsubscribed
            from enrolment_sends where tenant_id = \(ground.tenant)
            """)[0]
        let counted = WireFigures(try MailFigures(row: row))
        for group in ["none", "variant", "day"] {
            let report: WireReport = try await ground.read("\(ground.path)/analytics?group=\(group)")
            #expect(report.totals == counted)
            if group != "none" { #expect(WireFigures.sum(report.groups?.map(\.figures) ?? []) == counted) }
            var parts = try #require(report.enrolments)
            #expect(parts.removeValue(forKey: "total") == 25 && parts.values.reduce(0, +) == 25)
        }
        let series: WireReport = try await ground.read("\(ground.path)/analytics/series")
        #expect(series.totals == counted)
    }
}

@Suite("Who may see what campaigns came to")
struct AnalyticsAccessTests {
    private struct Listing: Decodable {
        struct Entry: Decodable {
            let campaign: CampaignID
            let figures: WireFigures
        }
        struct Links: Decodable {
            let next: String?
        }
        let totals: WireFigures
        let data: [Entry]
        let page: Links
    }

    @Test("a workspace's campaigns, newest first and page by page, and none of another's")
    func workspace() async throws {
        let ground = try await AnalyticsGround.make()
        var mine = [ground.campaign]
        for number in 1...2 {
            ground.fixture.house.clock.advance(by: .seconds(1))
            let campaign = CampaignID(.v7(at: ground.now))
            try await ground.insert(campaign, in: number == 1 ? ground.workspace : WorkspaceID(UUID()))
            if number == 1 { mine.append(campaign) }
            try await ground.insert([StatRow(day: "2026-11-02", step: 1, variant: "A", figures: MailFigures(sent: Int64(number)))], of: campaign)
        }
        try await ground.insert([StatRow(day: "2026-11-03", step: 1, variant: "A", figures: MailFigures(sent: 10))])
        let path = "/api/v1/campaigns/analytics?workspace=\(ground.workspace)"
        let all: Listing = try await ground.read(path)
        #expect(all.data.map(\.campaign) == mine.reversed() && all.data.map(\.figures.sent) == [1, 10])
        #expect(all.totals.sent == 11 && all.page.next == nil)
        let first: Listing = try await ground.read("\(path)&limit=1&from=2026-11-03")
        #expect(first.data.map(\.figures.sent) == [0])
        let second: Listing = try await ground.read("\(path)&limit=1&from=2026-11-03&cursor=\(try #require(first.page.next))")
        #expect(second.data.map(\.figures.sent) == [10] && second.page.next == nil)
        #expect(try await ground.get(path, workspaces: [WorkspaceID(UUID())]).status == 404)
        #expect(try await ground.get("/api/v1/campaigns/analytics", workspaces: nil).status == 400)
    }

    @Test("what cannot be understood is a 400 that says so; foreign campaigns are a 404")
    func refusals() async throws {
        let ground = try await AnalyticsGround.make()
        for query in [
            "analytics?from=2026-02-30", "analytics?to=yesterday", "analytics?from=2026-11-03&to=2026-11-02", "analytics?group=month",
            "analytics/series?interval=hour", "analytics/series?step=x", "analytics/series?variant=A", "analytics/series?from=1970-01-01",
            "analytics.csv?from=0000-01-01",
        ] {
            let answer = try await ground.fixture.send(.get, "\(ground.path)/\(query)")
            #expect(answer.status == 400 && answer.text("type") == "/problems/invalid_request", "\(query): \(answer.body)")
        }
        for part in ["analytics", "analytics/series", "analytics.csv", "enrolments"] {
            #expect(try await ground.fixture.send(.get, "\(ground.path)/\(part)", tenant: TenantID(UUID())).status == 404)
            #expect(try await ground.get("\(ground.path)/\(part)", workspaces: [WorkspaceID(UUID())]).status == 404)
            #expect(try await ground.get("\(ground.path)/\(part)", workspaces: [ground.workspace]).status == 200)
        }
    }
}
