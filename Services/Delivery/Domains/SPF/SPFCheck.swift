import DNS

/// Compares a domain's SPF with what the senders of its mail need.
struct SPFCheck: Sendable {
    /// Longer ones do not fit into the datagrams of old resolvers together with the domain's other texts.
    private static let longest = 450

    let dns: CheckedDNS
    let domain: String
    /// Mechanisms that have to be in: the includes of those who send, or `mx` when nobody known does.
    let wanted: [String]

    func run() async -> DomainRecord {
        let texts: [String]
        do throws(DNSFailure) {
            texts = try await dns.query(domain, .txt).records().texts
        } catch {
            return record(found: [], findings: [DomainFinding(error, domain)], value: line([], [:]))
        }
        let found = texts.filter(SPFRecord.isSPF)
        let lookalikes = texts.filter(SPFRecord.looksLikeSPF)
        guard let first = found.first else {
            let finding =
                lookalikes.isEmpty
                ? DomainFinding(.spfMissing, "\(domain) has no SPF record.")
                : DomainFinding(.spfMalformedVersion, "A text of \(domain) is meant to be SPF, but does not begin with “v=spf1 ”.")
            return record(found: lookalikes, findings: [finding], value: line([], [:]))
        }
        var findings: [DomainFinding] = []
        var readable: [SPFRecord] = []
        for text in found {
            do throws(SPFRecord.Fault) {
                readable.append(try SPFRecord(text))
            } catch {
                let words = error.code == .spfInvalidAddress ? "is no address or network" : "is no part of SPF"
                findings.append(DomainFinding(error.code, "“\(error.term)” \(words)."))
            }
        }
        if found.count > 1 {
            findings.append(DomainFinding(.spfMultipleRecords, "\(domain) has \(found.count) SPF records: receivers read none of them."))
        }
        var walked: SPFWalk.Result?
        if found.count == 1, let only = readable.first {
            let result = await SPFWalk(dns: dns).walk(only, of: domain)
            findings += Self.findings(of: only, text: first, result) + missing(only, result)
            walked = result
        }
        return await record(found, readable, findings, lookups: walked?.lookups)
    }

    /// With the line to publish: what is there when nothing is wrong with it, one made of all of it otherwise.
    private func record(_ found: [String], _ readable: [SPFRecord], _ findings: [DomainFinding], lookups: Int?) async -> DomainRecord {
        guard !findings.isEmpty else { return record(found: found, findings: [], value: found[0], lookups: lookups) }
        let costs = await costs(of: readable)
        let merge = SPFMerge(readable, adding: needed(beside: readable), costs: costs)
        var all = findings
        if !merge.fits, findings.contains(where: \.isError) {
            let dear = costs.compactMap { name, cost in (cost ?? nil).map { (name, $0 + 1) } }.sorted { ($1.1, $0.0) < ($0.1, $1.0) }.prefix(5)
            let words = dear.map { "\($0.0) (\($0.1))" }.joined(separator: ", ")
            all.append(DomainFinding(.spfCannotMerge, "One line for all your senders needs \(merge.lookups) look-ups, 10 are read: \(words)."))
        }
        return record(found: found, findings: all, value: merge.line, lookups: lookups)
    }

    /// What is wrong with a record that can be read.
    static func findings(of record: SPFRecord, text: String, _ result: SPFWalk.Result) -> [DomainFinding] {
        var findings = result.findings
        if result.lookups > SPFWalk.mostLookups {
            findings.append(DomainFinding(.spfTooManyLookups, "The record needs \(result.lookups) look-ups; receivers stop at 10."))
        }
        if result.voidLookups > SPFWalk.mostVoidLookups {
            findings.append(
                DomainFinding(.spfTooManyVoidLookups, "\(result.voidLookups) names in the record do not exist; receivers stop after 2."))
        }
        if record.redirect == nil, !record.mechanisms.contains(where: { $0.name != "all" && $0.qualifier == .pass }), record.end?.qualifier != .pass {
            findings.append(DomainFinding(.spfAllowsNobody, "The record lets nobody send."))
        }
        switch record.end?.qualifier {
        case .pass: findings.append(DomainFinding(.spfAllowsEverybody, "The record ends with +all: anybody may send."))
        case .neutral: findings.append(DomainFinding(.spfNeutralEnd, "The record ends with ?all, which says nothing about other senders."))
        case nil where record.redirect == nil:
            findings.append(DomainFinding(.spfNoEnd, "The record has no all at its end and says nothing about other senders."))
        default: break
        }
        if !record.ignored.isEmpty {
            findings.append(DomainFinding(.spfIgnoredTerms, "Nobody reads what stands behind all: \(record.ignored.joined(separator: " "))"))
        }
        if record.mechanisms.contains(where: { $0.name == "ptr" }) {
            findings.append(DomainFinding(.spfPTRUsed, "The record uses ptr, which the standard advises against."))
        }
        if text.utf8.count > longest { findings.append(DomainFinding(.spfTooLong, "The record has \(text.utf8.count) characters.")) }
        return findings
    }

    private func missing(_ record: SPFRecord, _ result: SPFWalk.Result) -> [DomainFinding] {
        let absent = wanted.filter { term in
            guard term.hasPrefix("include:") else { return false }
            let names = MailProvider.includes(like: String(term.dropFirst(8)))
            return result.included.isDisjoint(with: names) && !(record.redirect.map(names.contains) ?? false)
        }
        return absent.map {
            DomainFinding(.spfSenderNotIncluded, "Your mail goes through servers of \($0.dropFirst(8)), which the record does not name.")
        }
    }

    /// What the records do not name themselves, under this name or another of the same servers.
    private func needed(beside records: [SPFRecord]) -> [String] {
        let named = Set(records.flatMap(\.mechanisms).filter { $0.name == "include" }.compactMap(\.target))
        return wanted.filter { term in
            guard term.hasPrefix("include:") else { return true }
            let name = String(term.dropFirst(8))
            return named.contains(name) || named.isDisjoint(with: MailProvider.includes(like: name))
        }
    }

    /// What each include would cost, asked for by itself.
    private func costs(of records: [SPFRecord]) async -> SPFMerge.Costs {
        var targets = Set(wanted.filter { $0.hasPrefix("include:") }.map { String($0.dropFirst(8)) })
        for record in records {
            targets.formUnion(record.mechanisms.filter { $0.name == "include" }.compactMap(\.target))
            if let redirect = record.redirect { targets.insert(redirect) }
        }
        var costs: SPFMerge.Costs = [:]
        for target in targets.sorted().prefix(20) where !target.contains("%") {
            guard let record = try? SPFRecord("v=spf1 include:\(target)") else { continue }
            let result = await SPFWalk(dns: dns).walk(record, of: domain)
            let isDead = result.included == [target] && result.findings.contains { $0.code == .spfIncludeWithoutRecord }
            costs.updateValue(isDead ? nil : result.lookups - 1, forKey: target)
        }
        return costs
    }

    private func line(_ records: [SPFRecord], _ costs: SPFMerge.Costs) -> String {
        SPFMerge(records, adding: wanted, costs: costs).line
    }

    private func record(found: [String], findings: [DomainFinding], value: String, lookups: Int? = nil) -> DomainRecord {
        DomainRecord(
            .spf, type: "TXT", name: domain, value: value, isRequired: true, found: found, findings: findings, isThere: !found.isEmpty,
            lookups: lookups)
    }
}
