import Foundation
import SwiftASN1
import X509

/// How the certificate of another mail server is judged.
public enum PeerCheck: Sendable, Hashable {
    /// By an authority that is trusted, and for one of these names.
    case authorities(names: [String])
    /// By what its zone publishes; the names count where the zone names an authority.
    case dane([TLSARecord], names: [String])
}

/// What is wrong with a certificate.
public enum PeerProblem: String, Sendable, CaseIterable {
    case expired
    case hostMismatch = "host_mismatch"
    case notTrusted = "not_trusted"
    /// It is none of those that the zone names.
    case notPublished = "not_published"
    /// It is no certificate, or none was shown.
    case unreadable
}

/// Who is believed to say whose certificate it is: the system's authorities and, where given, those of a PEM file.
public struct PeerAuthorities: Sendable {
    private let store: CertificateStore

    public init(certificateFile: String? = nil) throws(SMTPError) {
        guard let certificateFile else {
            store = .systemTrustRoots
            return
        }
        do {
            let text = try String(contentsOfFile: certificateFile, encoding: .utf8)
            store = CertificateStore.systemTrustRoots.appending(contentsOf: try PEMDocument.parseMultiple(pemString: text).map(Certificate.init))
        } catch {
            throw SMTPError(.invalidConfiguration, stage: .connect, message: "cannot read the certificates in \(certificateFile): \(error)")
        }
    }

    /// Nil when the chain is what `check` wants; the first certificate is the server's own.
    func problem(with chain: [PresentedCertificate], _ check: PeerCheck) async -> PeerProblem? {
        guard let first = chain.first else { return .unreadable }
        switch check {
        case .authorities(let names): return await Self.problem(with: chain, store, names: names)
        case .dane(let records, let names):
            // What the zone calls the server's own needs neither a name nor a date (RFC 7672, 3.1.1).
            if records.contains(where: { $0.isUsable && $0.isEndEntity && $0.matches(first) }) { return nil }
            let anchors = Self.anchors(records, among: chain.dropFirst())
            guard !anchors.isEmpty else { return .notPublished }
            return await Self.problem(with: chain, CertificateStore(anchors), names: names)
        }
    }

    /// The authorities that the records name: those that were shown, and those that stand whole in a record.
    private static func anchors(_ records: [TLSARecord], among shown: ArraySlice<PresentedCertificate>) -> [Certificate] {
        let usable = records.filter { $0.isUsable && $0.isTrustAnchor }
        let named = shown.filter { certificate in usable.contains { $0.matches(certificate) } }.map(\.bytes)
        let whole = usable.filter { $0.selector == 0 && $0.matching == 0 }.map(\.data)
        return (named + whole).compactMap { try? Certificate(derEncoded: $0) }
    }

    private static func problem(
        with chain: [PresentedCertificate], _ roots: CertificateStore, names: [String]
    ) async -> PeerProblem? {
        // A server that shows hundreds wants to keep us busy.
        let certificates = chain.prefix(16).compactMap { try? Certificate(derEncoded: $0.bytes) }
        guard let leaf = certificates.first, certificates.count == min(chain.count, 16) else { return .unreadable }
        let intermediates = CertificateStore(certificates.dropFirst())
        for name in names {
            var verifier = Verifier(rootCertificates: roots) {
                RFC5280Policy()
                ServerIdentityPolicy(serverHostname: name, serverIP: nil)
            }
            if case .validCertificate = await verifier.validate(leaf: leaf, intermediates: intermediates) { return nil }
        }
        if certificates.contains(where: { $0.notValidAfter < Date() }) { return .expired }
        // With every name that it has itself, it says whether only the name was wrong.
        var verifier = Verifier(rootCertificates: roots) {
            RFC5280Policy()
            AnyNamePolicy()
        }
        if case .validCertificate = await verifier.validate(leaf: leaf, intermediates: intermediates) { return .hostMismatch }
        return .notTrusted
    }
}

/// Leaves the names of a certificate to others.
private struct AnyNamePolicy: VerifierPolicy {
    let verifyingCriticalExtensions: [ASN1ObjectIdentifier] = [.X509ExtensionID.subjectAlternativeName]

    func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain) async -> PolicyEvaluationResult { .meetsPolicy }
}
