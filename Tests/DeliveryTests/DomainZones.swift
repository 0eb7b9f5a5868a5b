import TestSupport

@testable import Delivery

/// A zone as it should be, in which tests break one thing at a time.
struct DomainZone: Sendable {
    static let domain = "acme.example"
    static let token = "the-token"
    static let trackingTarget = "app.penguin.example"
    static let keys = [
        DKIMPublication(selector: "pm1", algorithm: .rsa, publicKey: TestKeys.rsa2048),
        DKIMPublication(selector: "pm2", algorithm: .ed25519, publicKey: TestKeys.ed25519),
    ]

    var entries: [String: TestDNSServer.Entry] = [
        domain: ["TXT": ["v=spf1 include:_spf.google.com ~all", "another-service=1"], "MX": ["1 smtp.google.com"]],
        "_spf.google.com": ["TXT": ["v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ~all"]],
        "smtp.google.com": ["A": ["8.8.8.8"]],
        "pm1._domainkey.acme.example": ["TXT": [keys[0].value]],
        "pm2._domainkey.acme.example": ["TXT": [keys[1].value]],
        "_dmarc.acme.example": ["TXT": ["v=DMARC1; p=quarantine; rua=mailto:dmarc@acme.example"]],
        "_penguinmails.acme.example": ["TXT": ["penguinmails-verification=the-token"]],
        "track.acme.example": ["CNAME": [trackingTarget]],
    ]

    static let subject = DomainChecker.Subject(domain: domain, token: token, servers: ["smtp.gmail.com"], publications: keys)

    mutating func set(_ name: String, _ type: String, _ values: [String]) {
        entries[name, default: [:]].records[type] = values
    }

    mutating func spf(_ texts: String...) { set(Self.domain, "TXT", texts) }
    mutating func dmarc(_ texts: String...) { set("_dmarc.acme.example", "TXT", texts) }
    /// Our first key's record.
    mutating func dkim(_ texts: String...) { set("pm1._domainkey.acme.example", "TXT", texts) }
    mutating func remove(_ name: String) { entries[name] = nil }
    mutating func fail(_ name: String, _ fault: String) { entries[name, default: [:]].fault = fault }
}

/// One way to publish something wrong, the code with which it is reported, and whether campaigns still start.
struct BrokenZone: Sendable, CustomStringConvertible {
    let description: String
    let code: DomainFinding.Code
    let isAuthenticated: Bool
    let change: @Sendable (inout DomainZone) -> Void
    var subject = DomainZone.subject

    init(
        _ description: String, _ code: DomainFinding.Code, authenticated: Bool = false, subject: DomainChecker.Subject = DomainZone.subject,
        _ change: @escaping @Sendable (inout DomainZone) -> Void
    ) {
        self.description = description
        self.code = code
        isAuthenticated = authenticated
        self.change = change
        self.subject = subject
    }

    var zone: DomainZone {
        var zone = DomainZone()
        change(&zone)
        return zone
    }

    static let all = senders + signatures + policies + others

    private static let senders: [BrokenZone] = [
        BrokenZone("no SPF", .spfMissing) { $0.spf("something else") },
        BrokenZone("SPF in quotation marks", .spfMalformedVersion) { $0.spf(#""v=spf1 include:_spf.google.com ~all""#) },
        BrokenZone("a version that is none", .spfMalformedVersion) { $0.spf("v=spf2 include:_spf.google.com ~all") },
        BrokenZone("two SPF records", .spfMultipleRecords) { $0.spf("v=spf1 include:_spf.google.com ~all", "v=spf1 ip4:192.0.2.9 -all") },
        BrokenZone("a mechanism that is none", .spfSyntax) { $0.spf("v=spf1 included:_spf.google.com ~all") },
        BrokenZone("an address that is none", .spfInvalidAddress) { $0.spf("v=spf1 include:_spf.google.com ip4:192.0.2.300 ~all") },
        BrokenZone("the sender is not named", .spfSenderNotIncluded) { $0.spf("v=spf1 ip4:192.0.2.9 ~all") },
        BrokenZone("nobody may send", .spfAllowsNobody) { $0.spf("v=spf1 -all") },
        BrokenZone("everybody may send", .spfAllowsEverybody) { $0.spf("v=spf1 include:_spf.google.com +all") },
        BrokenZone("eleven look-ups", .spfTooManyLookups) { zone in
            for number in 1...10 { zone.set("s\(number).example", "TXT", ["v=spf1 ip4:192.0.2.\(number) ~all"]) }
            zone.spf("v=spf1 include:_spf.google.com \((1...10).map { "include:s\($0).example" }.joined(separator: " ")) ~all")
        },
        BrokenZone("nested look-ups", .spfTooManyLookups) { zone in
            for number in 1...9 { zone.set("n\(number).example", "TXT", ["v=spf1 include:n\(number + 1).example ~all"]) }
            zone.set("n10.example", "TXT", ["v=spf1 a:smtp.google.com ~all"])
            zone.spf("v=spf1 include:_spf.google.com include:n1.example ~all")
        },
        BrokenZone("one line does not hold all senders", .spfCannotMerge) { zone in
            for number in 1...10 { zone.set("s\(number).example", "TXT", ["v=spf1 ip4:192.0.2.\(number) ~all"]) }
            zone.spf("v=spf1 \((1...10).map { "include:s\($0).example" }.joined(separator: " ")) ~all")
        },
        BrokenZone("three names that do not exist", .spfTooManyVoidLookups) {
            $0.spf("v=spf1 include:_spf.google.com a:x1.example a:x2.example mx:x3.example ~all")
        },
        BrokenZone("an include without a record", .spfIncludeWithoutRecord) { $0.spf("v=spf1 include:_spf.google.com include:gone.example ~all") },
        BrokenZone("an include that is broken", .spfIncludeBroken) { zone in
            zone.set("bad.example", "TXT", ["v=spf1 ip5:192.0.2.1 ~all"])
            zone.spf("v=spf1 include:_spf.google.com include:bad.example ~all")
        },
        BrokenZone("an include that leads back", .spfIncludeLoop) { zone in
            zone.set("loop.example", "TXT", ["v=spf1 include:acme.example ~all"])
            zone.spf("v=spf1 include:_spf.google.com include:loop.example ~all")
        },
        BrokenZone("eleven mail servers under mx", .spfTooManyServers) { zone in
            zone.set("many.example", "MX", (1...11).map { "10 m\($0).example" })
            zone.spf("v=spf1 include:_spf.google.com mx:many.example ~all")
        },
        BrokenZone("a neutral end", .spfNeutralEnd, authenticated: true) { $0.spf("v=spf1 include:_spf.google.com ?all") },
        BrokenZone("no end", .spfNoEnd, authenticated: true) { $0.spf("v=spf1 include:_spf.google.com") },
        BrokenZone("terms behind the end", .spfIgnoredTerms, authenticated: true) { $0.spf("v=spf1 include:_spf.google.com ~all ip4:192.0.2.1") },
        BrokenZone("ptr", .spfPTRUsed, authenticated: true) { $0.spf("v=spf1 include:_spf.google.com ptr ~all") },
        BrokenZone("too long", .spfTooLong, authenticated: true) { zone in
            zone.spf("v=spf1 include:_spf.google.com \((1...40).map { "ip4:192.0.2.\($0)" }.joined(separator: " ")) ~all")
        },
    ]

    private static let signatures: [BrokenZone] = [
        BrokenZone("no key", .dkimMissing) { $0.remove("pm1._domainkey.acme.example") },
        BrokenZone("no keys of ours and none of the provider's", .dkimNoKey, subject: withoutKeys) { _ in },
        BrokenZone("the domain twice in the key's name", .dkimDoubledName) { zone in
            zone.remove("pm1._domainkey.acme.example")
            zone.set("pm1._domainkey.acme.example.acme.example", "TXT", [DomainZone.keys[0].value])
        },
        BrokenZone("two records for one key", .dkimMultipleRecords) { $0.dkim(DomainZone.keys[0].value, "v=DKIM1; p=") },
        BrokenZone("a key record that is no list", .dkimMalformed) { $0.dkim("this is the key") },
        BrokenZone("a key record without a key", .dkimMalformed) { $0.dkim("v=DKIM1; k=rsa") },
        BrokenZone("a key record of another version", .dkimWrongVersion) { $0.dkim("v=DKIM2; k=rsa; p=\(TestKeys.rsa2048)") },
        BrokenZone("a key of another type", .dkimWrongKeyType) { $0.dkim("v=DKIM1; k=ed25519; p=\(TestKeys.ed25519)") },
        BrokenZone("a key that was revoked", .dkimRevoked) { $0.dkim("v=DKIM1; k=rsa; p=") },
        BrokenZone("half a key", .dkimKeyUnreadable) { $0.dkim("v=DKIM1; k=rsa; p=\(TestKeys.rsa2048.prefix(255))") },
        BrokenZone("a key of 512 bits", .dkimKeyTooShort) { $0.dkim("v=DKIM1; k=rsa; p=\(TestKeys.rsa512)") },
        BrokenZone("somebody else's key", .dkimKeyDiffers) { $0.dkim("v=DKIM1; k=rsa; p=\(TestKeys.otherRSA2048)") },
        BrokenZone("only SHA-1", .dkimHashExcluded) { $0.dkim("v=DKIM1; h=sha1; p=\(TestKeys.rsa2048)") },
        BrokenZone("not for mail", .dkimServiceExcluded) { $0.dkim("v=DKIM1; s=tlsrpt; p=\(TestKeys.rsa2048)") },
        BrokenZone("a key that is being tested", .dkimTesting, authenticated: true) { $0.dkim("v=DKIM1; t=y; p=\(TestKeys.rsa2048)") },
        BrokenZone("the provider's short key", .dkimKeyWeak, authenticated: true, subject: withoutKeys) {
            $0.set("google._domainkey.acme.example", "TXT", ["v=DKIM1; k=rsa; p=\(TestKeys.rsa1024)"])
        },
    ]

    private static let withoutKeys = DomainChecker.Subject(domain: DomainZone.domain, token: DomainZone.token, servers: ["smtp.gmail.com"])

    private static let policies: [BrokenZone] = [
        BrokenZone("no policy", .dmarcMissing) { $0.remove("_dmarc.acme.example") },
        BrokenZone("the domain twice in the policy's name", .dmarcDoubledName) { zone in
            zone.remove("_dmarc.acme.example")
            zone.set("_dmarc.acme.example.acme.example", "TXT", ["v=DMARC1; p=none"])
        },
        BrokenZone("two policies", .dmarcMultipleRecords) { $0.dmarc("v=DMARC1; p=none", "v=DMARC1; p=reject") },
        BrokenZone("a policy that is no list", .dmarcMalformed) { $0.dmarc("v=DMARC1; p=none; rua") },
        BrokenZone("a policy of another version", .dmarcWrongVersion) { $0.dmarc("v=dmarc1; p=none") },
        BrokenZone("a policy without p", .dmarcPolicyMissing) { $0.dmarc("v=DMARC1; rua=mailto:dmarc@acme.example") },
        BrokenZone("a policy that there is not", .dmarcPolicyInvalid) { $0.dmarc("v=DMARC1; p=refuse") },
        BrokenZone("a policy that only watches", .dmarcPolicyNone, authenticated: true) { $0.dmarc("v=DMARC1; p=none") },
        BrokenZone("the policy of the domain above", .dmarcInherited, authenticated: true, subject: below) { zone in
            zone.spf("v=spf1 -all")
            zone.set("news.acme.example", "TXT", ["v=spf1 include:_spf.google.com ~all"])
            zone.set("pm1._domainkey.news.acme.example", "TXT", [DomainZone.keys[0].value])
        },
        BrokenZone("tags that are gone", .dmarcRemovedTags, authenticated: true) { $0.dmarc("v=DMARC1; p=reject; pct=50") },
        BrokenZone("reports to nowhere", .dmarcReportAddressInvalid, authenticated: true) { $0.dmarc("v=DMARC1; p=reject; rua=dmarc@acme.example") },
        BrokenZone("reports to somebody who did not ask", .dmarcReportsNotAccepted, authenticated: true) {
            $0.dmarc("v=DMARC1; p=reject; rua=mailto:a@elsewhere.example")
        },
        BrokenZone("a policy that is being tested", .dmarcTesting, authenticated: true) { $0.dmarc("v=DMARC1; p=reject; t=y") },
        BrokenZone("a registry's policy", .dmarcPublicSuffix, authenticated: true) { $0.dmarc("v=DMARC1; p=reject; psd=y") },
    ]

    private static let below = DomainChecker.Subject(
        domain: "news.acme.example", token: DomainZone.token, servers: ["smtp.gmail.com"], publications: DomainZone.keys)

    private static let others: [BrokenZone] = [
        BrokenZone("no proof", .ownershipMissing, authenticated: true) { $0.remove("_penguinmails.acme.example") },
        BrokenZone("another proof", .ownershipWrongValue, authenticated: true) {
            $0.set("_penguinmails.acme.example", "TXT", ["penguinmails-verification=other"])
        },
        BrokenZone("no mail servers", .mxMissing, authenticated: true) { $0.set(DomainZone.domain, "MX", []) },
        BrokenZone("a domain that takes no mail", .mxNull, authenticated: true) { $0.set(DomainZone.domain, "MX", ["0 ."]) },
        BrokenZone("a mail server that is not there", .mxTargetMissing, authenticated: true) { $0.set(DomainZone.domain, "MX", ["1 gone.example"]) },
        BrokenZone("a mail server that is an alias", .mxTargetIsAlias, authenticated: true) { zone in
            zone.set("alias.example", "CNAME", ["smtp.google.com"])
            zone.set(DomainZone.domain, "MX", ["1 alias.example"])
        },
        BrokenZone("an address for a mail server", .mxTargetIsAddress, authenticated: true) { $0.set(DomainZone.domain, "MX", ["1 192.0.2.1"]) },
        BrokenZone("a mail server inside", .mxTargetNotPublic, authenticated: true) { zone in
            zone.set("inside.example", "A", ["10.0.0.1"])
            zone.set(DomainZone.domain, "MX", ["1 inside.example"])
        },
        BrokenZone("no tracking name", .trackingMissing, authenticated: true) { $0.remove("track.acme.example") },
        BrokenZone("a tracking name that leads elsewhere", .trackingWrongTarget, authenticated: true) {
            $0.set("track.acme.example", "CNAME", ["other.example"])
        },
        BrokenZone("a tracking name with addresses", .trackingNotAlias, authenticated: true) {
            $0.entries["track.acme.example"] = ["A": ["192.0.2.1"]]
        },
        BrokenZone("name servers that fail", .dnsServerFailure) { $0.fail(DomainZone.domain, "servfail") },
        BrokenZone("name servers that refuse", .dnsServerFailure) { $0.fail("_dmarc.acme.example", "refused") },
        BrokenZone("name servers that are silent", .dnsTimeout) { $0.fail("_dmarc.acme.example", "silent") },
        BrokenZone("an answer that is damaged", .dnsMalformedAnswer) { $0.fail("pm1._domainkey.acme.example", "garbage") },
        BrokenZone("a domain that there is not", .domainNotFound) { $0.entries = [:] },
    ]
}
