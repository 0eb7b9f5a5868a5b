import Foundation
import Mail
import ServiceRuntime

/// Which authority certifies tracking hosts, and where the gateway finds what it issued; checked when the service starts.
struct CertificateSettings: Sendable {
    /// An ACME authority (RFC 8555) and the platform's way to it.
    struct Authority: Sendable, Equatable {
        /// Address of its directory.
        let directory: String
        /// Where it writes to when something is wrong.
        let contact: String
        /// Certificates (PEM) to trust it by; nil: the system's.
        let trust: String?
        /// The client that is run.
        let program: String
    }

    static let keys = [
        ConfigurationKey(
            "acme.directory.url",
            "ACME directory of the authority that certifies tracking hosts, such as https://acme-v02.api.letsencrypt.org/directory; empty: none does.",
            default: ""),
        ConfigurationKey("acme.contact", "Mail address that the authority is given for the platform's account.", default: ""),
        ConfigurationKey("acme.terms.agreed", "Whether the operator has read the authority's terms and agrees to them.", default: "false"),
        ConfigurationKey("acme.ca.file", "Certificate authorities (PEM) to trust the directory by, instead of the system's.", default: ""),
        ConfigurationKey("acme.program", "The ACME client lego.", default: "/usr/bin/lego"),
        ConfigurationKey("acme.orders.per.hour", "Certificates that are ordered in an hour at most, over all companies.", default: "60"),
        ConfigurationKey(
            "delivery.certificates.folder",
            "Where certificates of tracking hosts are written for the gateway, a file <host>.pem each; empty: nowhere.", default: ""),
    ]

    /// Nil: nobody certifies tracking hosts.
    let authority: Authority?
    let folder: String?
    let ordersPerHour: Int

    init(_ settings: Settings) throws(SettingsError) {
        folder = settings["delivery.certificates.folder"].isEmpty ? nil : settings["delivery.certificates.folder"]
        ordersPerHour = try settings.integer("acme.orders.per.hour", in: 1...10_000)
        let directory = settings["acme.directory.url"]
        guard !directory.isEmpty else {
            authority = nil
            return
        }
        var problems: [String] = []
        let url = URL(string: directory)
        if url?.scheme != "https" || (url?.host() ?? "").isEmpty || url?.user() != nil {
            problems.append("acme.directory.url must be an https address")
        }
        let contact = settings["acme.contact"]
        if !Self.isContact(contact) { problems.append("acme.contact must be a mail address") }
        if settings["acme.terms.agreed"] != "true" {
            problems.append("acme.terms.agreed must be true: read the authority's terms first, its directory names them")
        }
        if folder == nil { problems.append("delivery.certificates.folder must say where the gateway reads certificates") }
        let trust = settings["acme.ca.file"]
        if !trust.isEmpty, !FileManager.default.isReadableFile(atPath: trust) { problems.append("acme.ca.file cannot be read") }
        let program = settings["acme.program"]
        if !FileManager.default.isExecutableFile(atPath: program) { problems.append("acme.program (the Debian package lego) is not there") }
        guard problems.isEmpty else { throw SettingsError(problems: problems) }
        authority = Authority(directory: directory, contact: contact, trust: trust.isEmpty ? nil : trust, program: program)
    }

    /// It becomes the name of a folder and an argument of a program: nothing but the letters of everyday addresses.
    private static func isContact(_ text: String) -> Bool {
        guard (try? MailAddress(text)) != nil, text.first?.isLetter == true else { return false }
        return text.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || "@.+-_".utf8.contains($0)
        }
    }
}
