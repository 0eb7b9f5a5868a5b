import DNS

/// Follows a record through everything that it names, as a receiver would at worst.
struct SPFWalk: Sendable {
    /// What a walk found.
    struct Result: Sendable, Equatable {
        var lookups = 0
        var voidLookups = 0
        /// Whether what it names works.
        var findings: [DomainFinding] = []
        /// The names of all records included, at any depth.
        var included: Set<String> = []
    }

    /// Receivers stop at 10 (RFC 7208, 4.6.4); to say by how much a record is above, we go on a little.
    static let mostLookups = 10
    static let mostVoidLookups = 2
    private static let mostFollowed = 40
    private static let mostServers = 10

    let dns: CheckedDNS

    func walk(_ record: SPFRecord, of domain: String) async -> Result {
        var result = Result()
        await follow(record, of: domain, path: [domain], into: &result)
        return result
    }

    private func follow(_ record: SPFRecord, of domain: String, path: [String], into result: inout Result) async {
        for mechanism in record.mechanisms where mechanism.needsLookup {
            guard result.lookups < Self.mostFollowed else { return }
            result.lookups += 1
            let target = mechanism.target ?? domain
            // What a macro stands for depends on each mail; it counts, and cannot be followed.
            if target.contains("%") { continue }
            switch mechanism.name {
            case "include": await include(target, path: path, into: &result)
            case "a": await addresses(of: target, into: &result)
            case "mx": await servers(of: target, into: &result)
            default: break
            }
        }
        if let redirect = record.redirect, !redirect.contains("%"), result.lookups < Self.mostFollowed {
            result.lookups += 1
            await include(redirect, path: path, into: &result)
        } else if record.redirect != nil {
            result.lookups += 1
        }
    }

    private func include(_ target: String, path: [String], into result: inout Result) async {
        guard !path.contains(target) else {
            result.findings.append(
                DomainFinding(.spfIncludeLoop, "The record of \(path[path.count - 1]) includes \(target), which leads back to it."))
            return
        }
        result.included.insert(target)
        let answer = await dns.query(target, .txt)
        switch answer.outcome {
        case .failed(let failure):
            result.findings.append(DomainFinding(failure, target))
            return
        case .noSuchDomain, .noSuchRecord: result.voidLookups += 1
        case .records: break
        }
        let records = ((try? answer.records()) ?? []).texts.filter(SPFRecord.isSPF)
        guard records.count == 1 else {
            let words = records.isEmpty ? "has no SPF record" : "has \(records.count) SPF records"
            result.findings.append(DomainFinding(.spfIncludeWithoutRecord, "\(target), which the record includes, \(words)."))
            return
        }
        do throws(SPFRecord.Fault) {
            await follow(try SPFRecord(records[0]), of: target, path: path + [target], into: &result)
        } catch {
            result.findings.append(
                DomainFinding(.spfIncludeBroken, "The record of \(target), which is included, has a part that is none: \(error.term)"))
        }
    }

    private func addresses(of target: String, into result: inout Result) async {
        async let four = dns.query(target, .a)
        async let six = dns.query(target, .aaaa)
        let outcomes = await [four.outcome, six.outcome]
        if outcomes.allSatisfy({ $0 == .noSuchDomain || $0 == .noSuchRecord }) { result.voidLookups += 1 }
        if case .failed(let failure) = outcomes[0] { result.findings.append(DomainFinding(failure, target)) }
    }

    private func servers(of target: String, into result: inout Result) async {
        let answer = await dns.query(target, .mx)
        switch answer.outcome {
        case .failed(let failure): result.findings.append(DomainFinding(failure, target))
        case .noSuchDomain, .noSuchRecord: result.voidLookups += 1
        case .records(let records):
            if records.count > Self.mostServers {
                result.findings.append(DomainFinding(.spfTooManyServers, "mx names \(records.count) servers; receivers look at 10."))
            }
        }
    }
}
