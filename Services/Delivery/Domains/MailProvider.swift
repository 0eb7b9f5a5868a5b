/// Who sends for a mailbox, known by its SMTP server: what a domain has to publish for it, and what it publishes itself.
struct MailProvider: Sendable, Equatable {
    let name: String
    /// SMTP servers: a whole name, everything below one that begins with a dot, or any labels where a star stands.
    let servers: [String]
    /// To be included in SPF; nil where each customer has a name of its own, or the provider puts an envelope of its own around every mail.
    let include: String?
    /// Other names that the provider gives, or gave, for the same servers: whoever has one of them needs no more.
    var alternatives: [String] = []
    /// Under which its keys usually stand.
    var selectors: [String] = []
    /// MX records as the provider gives them.
    var exchange: String?
    /// Domains of the provider's own: mail from them through its servers is authenticated by the provider, and by nobody else.
    var ownDomains: Set<String> = []

    /// The provider of a mailbox with this SMTP server.
    static func of(server: String) -> MailProvider? {
        let name = server.lowercased()
        return all.first { $0.servers.contains { matches($0, name) } }
    }

    private static func matches(_ pattern: String, _ name: String) -> Bool {
        if pattern.hasPrefix(".") { return name.hasSuffix(pattern) }
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return name == pattern }
        return name.utf8.count > pattern.utf8.count - 1 && name.hasPrefix(parts[0]) && name.hasSuffix(parts[1])
    }

    /// Every name under which SPF may include the servers that `include` stands for.
    static func includes(like include: String) -> Set<String> {
        Set(all.filter { $0.include == include }.flatMap(\.alternatives) + [include])
    }

    /// Whether nobody but a provider can publish records for it.
    static func isOwn(domain: String) -> Bool {
        all.contains { $0.ownDomains.contains(domain) }
    }

    /// As the providers' own pages say, on setting up a domain for their mail or for SPF; where a page says so the record's includes differ by region.
    static let all: [MailProvider] = [
        MailProvider(
            name: "Google", servers: ["smtp.gmail.com", "smtp-relay.gmail.com", "smtp.googlemail.com"], include: "_spf.google.com",
            selectors: ["google"], exchange: "1 smtp.google.com", ownDomains: ["gmail.com", "googlemail.com"]),
        MailProvider(
            name: "Microsoft 365", servers: ["smtp.office365.com", "smtp-mail.outlook.com", ".mail.protection.outlook.com"],
            include: "spf.protection.outlook.com", selectors: ["selector1", "selector2"],
            ownDomains: ["outlook.com", "hotmail.com", "live.com", "msn.com", "outlook.de", "outlook.fr", "hotmail.co.uk", "hotmail.fr"]),
        MailProvider(
            name: "Zoho (EU)", servers: ["smtp.zoho.eu", "smtppro.zoho.eu"], include: "zohomail.eu",
            alternatives: ["one.zoho.eu", "zoho.eu", "spf.zoho.eu"], selectors: ["zmail", "zoho"],
            exchange: "10 mx.zoho.eu"),
        MailProvider(
            name: "Zoho (IN)", servers: ["smtp.zoho.in", "smtppro.zoho.in"], include: "zohomail.in",
            alternatives: ["one.zoho.in", "zoho.in"], selectors: ["zmail", "zoho"],
            exchange: "10 mx.zoho.in"),
        MailProvider(
            name: "Zoho", servers: ["smtp.zoho.com", "smtppro.zoho.com"], include: "zohomail.com",
            alternatives: ["one.zoho.com", "zoho.com"], selectors: ["zmail", "zoho"],
            exchange: "10 mx.zoho.com", ownDomains: ["zohomail.com", "zoho.com"]),
        MailProvider(
            name: "Fastmail", servers: ["smtp.fastmail.com"], include: "spf.messagingengine.com", selectors: ["fm1", "fm2", "fm3"],
            exchange: "10 in1-smtp.messagingengine.com", ownDomains: ["fastmail.com", "fastmail.fm"]),
        MailProvider(
            name: "Yahoo", servers: ["smtp.mail.yahoo.com", "smtp.bizmail.yahoo.com"], include: "_spf.mail.yahoo.com", selectors: ["s1024", "s2048"],
            ownDomains: ["yahoo.com", "ymail.com", "rocketmail.com", "yahoo.co.uk", "yahoo.de", "yahoo.fr"]),
        MailProvider(
            name: "iCloud", servers: ["smtp.mail.me.com"], include: "icloud.com", selectors: ["sig1"], exchange: "10 mx01.mail.icloud.com",
            ownDomains: ["icloud.com", "me.com", "mac.com"]),
        MailProvider(
            name: "Proton Mail", servers: ["smtp.protonmail.ch"], include: "_spf.protonmail.ch",
            selectors: ["protonmail", "protonmail2", "protonmail3"], exchange: "10 mail.protonmail.ch", ownDomains: ["proton.me", "protonmail.com"]),
        MailProvider(
            name: "mailbox.org", servers: ["smtp.mailbox.org"], include: "mailbox.org", selectors: ["mbo0001", "mbo0002", "mbo0003", "mbo0004"],
            exchange: "10 mxext1.mailbox.org", ownDomains: ["mailbox.org"]),
        MailProvider(
            name: "Yandex", servers: ["smtp.yandex.com", "smtp.yandex.ru"], include: "_spf.yandex.net", selectors: ["mail"],
            exchange: "10 mx.yandex.net", ownDomains: ["yandex.com", "yandex.ru", "ya.ru"]),
        MailProvider(
            name: "Migadu", servers: ["smtp.migadu.com"], include: "spf.migadu.com", selectors: ["key1", "key2", "key3"],
            exchange: "10 aspmx1.migadu.com"),
        MailProvider(
            name: "Gandi", servers: ["mail.gandi.net"], include: "_mailcust.gandi.net", selectors: ["gm1", "gm2", "gm3"],
            exchange: "10 spool.mail.gandi.net"),
        MailProvider(
            name: "IONOS", servers: ["smtp.ionos.com"], include: "_spf-us.ionos.com",
            selectors: ["s1-ionos", "s2-ionos", "s42582890"], exchange: "10 mx00.ionos.com"),
        MailProvider(
            name: "IONOS (EU)", servers: ["smtp.ionos.de", "smtp.ionos.co.uk", "smtp.ionos.fr", "smtp.ionos.es", "smtp.ionos.it"],
            include: "_spf-eu.ionos.com",
            selectors: ["s1-ionos", "s2-ionos", "s42582890"], exchange: "10 mx00.ionos.de"),
        MailProvider(name: "OVHcloud", servers: ["ssl0.ovh.net", ".mail.ovh.net"], include: "mx.ovh.com", exchange: "1 mx1.mail.ovh.net"),
        MailProvider(
            name: "Namecheap", servers: ["mail.privateemail.com"], include: "spf.privateemail.com", selectors: ["default"],
            exchange: "10 mx1.privateemail.com"),
        MailProvider(
            name: "Hostinger", servers: ["smtp.hostinger.com"], include: "_spf.mail.hostinger.com",
            selectors: ["hostingermail-a", "hostingermail-b", "hostingermail-c"], exchange: "5 mx1.hostinger.com"),
        MailProvider(
            name: "Titan", servers: ["smtp.titan.email"], include: "spf.titan.email", selectors: ["titan1", "titan2"],
            exchange: "10 mx1.titan.email"),
        MailProvider(name: "Rackspace", servers: ["secure.emailsrvr.com"], include: "emailsrvr.com", exchange: "10 mx1.emailsrvr.com"),
        MailProvider(
            name: "Mailgun", servers: ["smtp.mailgun.org", "smtp.eu.mailgun.org"], include: "mailgun.org",
            selectors: ["k1", "mailo", "mx", "pic", "smtp"]),
        MailProvider(name: "SendGrid", servers: ["smtp.sendgrid.net"], include: "sendgrid.net", selectors: ["s1", "s2"]),
        MailProvider(
            name: "Brevo", servers: ["smtp-relay.brevo.com", "smtp-relay.sendinblue.com"], include: "spf.brevo.com",
            alternatives: ["spf.sendinblue.com"], selectors: ["brevo1", "brevo2", "mail"]),
        MailProvider(name: "Mailjet", servers: ["in-v3.mailjet.com", "in.mailjet.com"], include: "spf.mailjet.com", selectors: ["mailjet"]),
        // "Messages that you send through Amazon SES automatically use a subdomain of amazonses.com as the default MAIL FROM domain" (Developer Guide):
        // the author's domain has nothing to name. Other names below amazonaws.com are rented machines.
        MailProvider(name: "Amazon SES", servers: ["email-smtp.*.amazonaws.com", "email-smtp-fips.*.amazonaws.com"], include: nil),
        // Its envelopes are of pm.mtasv.net, unless the owner names a subdomain.
        MailProvider(name: "Postmark", servers: ["smtp.postmarkapp.com", "smtp-broadcasts.postmarkapp.com"], include: nil, selectors: ["pm"]),
        MailProvider(
            name: "Infomaniak", servers: ["mail.infomaniak.com", "mail.infomaniak.ch"], include: "spf.infomaniak.ch",
            exchange: "5 mta-gw.infomaniak.ch"),
        MailProvider(name: "GoDaddy", servers: ["smtpout.secureserver.net"], include: "secureserver.net", exchange: "0 smtp.secureserver.net"),
    ]
}
