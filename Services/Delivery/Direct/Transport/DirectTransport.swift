import Contracts
import Foundation
import Logging
import Mail
import NIOCore
import Primitives

/// Hands a mail to the servers of its recipient's domain: one after the other, by preference, each only as privately as the domain wants.
struct DirectTransport: Sendable {
    /// How many servers one try asks.
    private static let mostHosts = 5

    struct Mail: Sendable {
        let envelope: SMTPEnvelope
        let message: [UInt8]
        /// Of the recipient.
        let domain: String
        let mailbox: MailboxID
    }

    struct Attempt: Sendable {
        let result: DeliveryResult
        var transcript: String?
    }

    let settings: DirectSettings
    let routes: MailRoutes
    let trust: SMTPRelayTrust
    let reach: SMTPReach
    var timeouts = SMTPTimeouts(connect: .seconds(10), greeting: .seconds(60), command: .seconds(60))
    let pool: RelayPool
    let health: HostHealth
    let counts: TLSReportCounts
    /// Mails on the wire to one destination at once.
    let slots: DestinationSlots
    /// Servers that are alike, in the order in which they are tried.
    let shuffle: @Sendable ([MailRoute.Host]) -> [MailRoute.Host]
    let clock: WallClock
    let logger: Logger

    /// What one server came to.
    private enum Outcome {
        case done(Attempt)
        /// Another may do; with what its domain's mail waits for if none does.
        case next(text: String, transcript: String?)
    }

    /// One try; `beforeData` runs when a server asks for the content, as ``SMTPConnection/send(envelope:message:beforeData:)`` says.
    func send(_ mail: Mail, on group: any EventLoopGroup, beforeData: @escaping @Sendable () async throws -> Void) async -> Attempt {
        let route = await routes.route(to: mail.domain)
        let hosts: [MailRoute.Host]
        switch route.way {
        case .refused(let code, let text): return Attempt(result: .refused(code: code, text: text))
        case .unknown(let text): return Attempt(result: .deferred(code: 451, text: text))
        case .hosts(let groups): hosts = groups.flatMap(shuffle)
        }
        // A reply of this kind concerns the destination, which then rests (``DestinationPauses``).
        var last = (text: "4.4.1 The servers of \(mail.domain) did not answer a moment ago.", transcript: String?.none)
        for host in hosts.prefix(Self.mostHosts) {
            if let exclusion = host.security.exclusion {
                let excluded = Excluded(exclusion, host)
                count(excluded.result, host, route, mail, reason: excluded.reason)
                last = (excluded.text, nil)
                continue
            }
            guard health.isFit(host.name) else { continue }
            switch await ask(host, route, mail, group, beforeData) {
            case .done(let attempt): return attempt
            case .next(let text, let transcript): last = (text, transcript)
            }
        }
        return Attempt(result: .deferred(code: 451, text: last.text), transcript: last.transcript)
    }

    // MARK: - One server

    private func ask(
        _ host: MailRoute.Host, _ route: MailRoute, _ mail: Mail, _ group: any EventLoopGroup,
        _ beforeData: @escaping @Sendable () async throws -> Void
    ) async -> Outcome {
        let sources = Set(host.addresses.map { settings.source(for: mail.mailbox.uuid, to: $0) })
        for source in sources {
            let key = RelayPool.Key(host: host.name, addresses: host.addresses, security: host.security, source: source)
            while let kept = pool.take(key) {
                guard await kept.connection.isReusable else { continue }
                // Closed meanwhile, as servers do: a new one, then.
                if case .done(let attempt) = await converse(mail, over: kept.connection, mails: kept.mails, key, beforeData) { return .done(attempt) }
            }
        }
        var last = Outcome.next(text: "4.4.1 \(host.name) cannot be reached.", transcript: nil)
        for address in host.addresses {
            let source = settings.source(for: mail.mailbox.uuid, to: address)
            let relay = SMTPRelay(
                host: host.name, address: address, port: settings.port, source: source, encryption: host.security.encryption,
                check: host.security.check, isCheckBinding: host.security.isBinding)
            switch await connect(relay, host, route, mail, group) {
            case .success(let relayed):
                health.answered(host.name)
                let key = RelayPool.Key(host: host.name, addresses: host.addresses, security: host.security, source: source)
                return await converse(mail, over: relayed.connection, mails: 0, key, beforeData)
            case .failure(let error):
                last = .next(text: Self.text(error, host.name), transcript: error.transcript.map { "\($0)" })
                // It is there, and every address of it says the same.
                if error.code == .tlsFailed || error.reply != nil {
                    if error.code != .tlsFailed { health.failed(host.name) }
                    return last
                }
            }
        }
        health.failed(host.name)
        return last
    }

    /// Where encryption is only welcome, a handshake that comes to nothing is followed by a try without.
    private func connect(
        _ relay: SMTPRelay, _ host: MailRoute.Host, _ route: MailRoute, _ mail: Mail, _ group: any EventLoopGroup
    ) async -> Result<SMTPRelayed, SMTPError> {
        do throws(SMTPError) {
            let relayed = try await open(relay, group)
            if host.security.isOutsideTestedPolicy {
                count(.validationFailure, host, route, mail, to: relay.address, from: relayed.source, reason: "mx-not-in-policy")
            } else {
                let result = relayed.problem.map { TLSReportResult($0) } ?? .success
                count(result, host, route, mail, to: relay.address, from: relayed.source)
            }
            return .success(relayed)
        } catch {
            guard let problem = error.encryptionProblem else { return .failure(error) }
            count(TLSReportResult(problem), host, route, mail, to: relay.address, from: relay.source)
            guard relay.encryption == .offered else { return .failure(error) }
            var plain = relay
            plain.encryption = .none
            do throws(SMTPError) {
                return .success(try await open(plain, group))
            } catch {
                return .failure(error)
            }
        }
    }

    private func open(_ relay: SMTPRelay, _ group: any EventLoopGroup) async throws(SMTPError) -> SMTPRelayed {
        try await SMTPConnection.connect(
            to: relay, on: group, trust: trust, timeouts: timeouts, reach: reach, clientName: settings.name, logger: logger)
    }

    private func converse(
        _ mail: Mail, over connection: SMTPConnection, mails: Int, _ key: RelayPool.Key, _ beforeData: @escaping @Sendable () async throws -> Void
    ) async -> Outcome {
        do throws(SMTPError) {
            let outcome = try await connection.send(envelope: mail.envelope, message: mail.message, beforeData: beforeData)
            let result = DeliveryResult(outcome)
            var attempt = Attempt(result: result)
            if case .accepted = result {} else { attempt.transcript = await "\(connection.transcript)" }
            if await connection.isReusable { await pool.put(connection, mails: mails + 1, under: key) }
            return .done(attempt)
        } catch {
            let transcript = error.transcript.map { "\($0)" }
            switch error.code {
            case _ where error.bodyMayHaveBeenSent: break
            // Withdrawn at the last moment: its claim, its hours or its minute had ended.
            case .abandoned, .cancelled: return .done(Attempt(result: .handedBack))
            case .messageTooLarge, .extensionUnavailable: break
            default:
                await connection.close()
                return .next(text: Self.text(error, key.host), transcript: transcript)
            }
            // The message was at fault, not the line.
            if !error.bodyMayHaveBeenSent, await connection.isReusable { await pool.put(connection, mails: mails + 1, under: key) }
            return .done(Attempt(result: DeliveryResult(error), transcript: transcript))
        }
    }

    // MARK: - Words and counts

    /// What a mail waits for, with a status that says of whom it speaks: the network, policy, or the other system.
    private static func text(_ error: SMTPError, _ host: String) -> String {
        if let problem = error.encryptionProblem {
            let words =
                switch problem {
                case .notOffered: "does not offer STARTTLS, which its domain demands"
                case .handshake: "could not agree with us on encryption, which its domain demands"
                case .certificate(let problem): "has no certificate that its domain's policy accepts (\(problem.rawValue))"
                }
            return "4.7.5 \(host) \(words)."
        }
        if let reply = error.reply { return "4.3.2 \(host) said: \(reply)" }
        return "4.4.2 \(host): \(error.message)"
    }

    private struct Excluded {
        let result: TLSReportResult
        let reason: String
        let text: String

        init(_ exclusion: HostSecurity.Exclusion, _ host: MailRoute.Host) {
            switch exclusion {
            case .notInPolicy:
                (result, reason) = (.validationFailure, "mx-not-in-policy")
                text = "4.7.5 \(host.name) is not one of the servers that the domain's MTA-STS policy names."
            case .tlsaUnknown:
                (result, reason) = (.dnssecInvalid, "")
                text = "4.7.5 Which certificates \(host.name) may have cannot be learned from DNS."
            }
        }
    }

    private func count(
        _ result: TLSReportResult, _ host: MailRoute.Host, _ route: MailRoute, _ mail: Mail, to receiver: String = "", from sender: String? = nil,
        reason: String = ""
    ) {
        let type = host.security.type
        let text =
            switch type {
            case .dane: TLSReportCounts.Text(lines: host.security.tlsa.map(\.text), hosts: [host.name])
            case .mtaSTS: route.policyText
            case .none: TLSReportCounts.Text()
            }
        // DANE is a policy of the server's name, MTA-STS one of the recipients' (RFC 8460, 4.2).
        let domain = type == .dane ? host.name : mail.domain.lowercased()
        counts.add(
            .init(
                policy: .init(day: TLSReportCounts.day(of: clock.now), domain: domain, type: type), result: result, host: host.name,
                receiver: receiver, sender: sender ?? "", reason: reason), text: text)
    }
}
