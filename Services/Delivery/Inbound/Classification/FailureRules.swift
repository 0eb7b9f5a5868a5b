/// The tables of the rules; order matters, the first that matches decides.
///
/// What a text says about the sender, the content or the space left comes first, as servers give it with any code; then what a provider is known
/// to say; then the status alone; then, where no status says anything, the words.
enum FailureRules {
    static let permanent: [FailureRule] = ofWords + ofProviders + ofStatus + unspecific
    static let transient: [FailureRule] = ofTransient

    // MARK: - Whatever the status

    private static let ofWords: [FailureRule] = [
        FailureRule(
            id: "words.mailbox-full", kind: .softBounce, confidence: 0.95,
            any: [
                "mailbox full", "mailbox is full", "mail box full", "mailbox quota", "over quota", "overquota", "over-quota", "quota exceeded",
                "exceeded quota", "exceeded its quota", "exceeds quota", "exceeded the quota", "quotaexceeded", "exceeded storage", "storage limit",
                "insufficient storage", "insufficient system storage", "inbox is full", "inbox full", "out of storage", "mailbox size limit",
                "mailbox limit exceeded", "not enough storage", "storage quota", "disk quota", "user is over the", "mailbox exceeded",
                "exceeded the maximum size", "exceeded the space", "postfach voll", "postfach ist voll", "speicherplatz",
                "boite du destinataire pleine",
                "boîte aux lettres pleine", "boîte pleine", "buzón lleno", "casella piena", "caixa cheia", "caixa de correio cheia", "mailbox vol",
                "skrzynka pełna", "ящик переполнен", "邮箱已满", "信箱已滿", "容量を超え", "용량 초과", "schránka je plná",
            ]),
        FailureRule(
            id: "words.too-large", kind: .softBounce, confidence: 0.9,
            any: [
                "message size exceeds", "message too large", "message too big", "message is too large", "exceeds fixed maximum",
                "exceeds the maximum",
                "message length exceeds", "larger than the current system limit", "size limit exceeded", "exceeded mailsize limit", "recipsizelimit",
                "message size limit", "message exceeded max", "maximum message size", "maximum email size",
            ]),
        FailureRule(
            id: "words.sender-refused", kind: .blocked, confidence: 0.95,
            any: [
                "sender address rejected", "sender rejected", "sender denied", "sender verify failed", "sender verification failed",
                "verification failed for", "invalid sender", "bad sender", "sender domain", "domain of sender", "sender not allowed",
                "sender blocked",
                "sender is blocked", "blocked sender", "sender address has", "from address rejected", "sender's domain", "envelope sender",
                "sender not authorized", "sender unknown", "unknown sender", "unauthenticated email", "sender policy framework", "return path",
            ]),
        FailureRule(
            id: "words.listed", kind: .blocked, confidence: 0.95,
            any: [
                "spamhaus", "spamcop", "barracudacentral", "blacklist", "black list", "blocklist", "block list", "block-list", "block listed",
                "blocked using", "dnsbl", " rbl ", "rbl:", "sorbs", "uceprotect", "proofpoint.com", "senderscore", "poor reputation",
                "bad reputation", "reputation of", "low reputation", "ip reputation", "client host", "banned sending ip", "ip address is block",
                "your ip ", "denylist", "client blocked",
            ]),
        FailureRule(
            id: "words.spam", kind: .blocked, confidence: 0.95,
            any: [
                " spam ", "spam message", "spam content", "as spam", "is spam", "spam detected", " spam.", "unsolicited", "junkmail", "junk mail",
                "bulk mail", "mail content denied", "message content rejected", "content rejected", "content filter", "virus", "malware", "phishing",
                "banned file", "illegal attachment", "blocked attachment", "blocked for its content", "spamverdacht", "suspicion of spam",
                "suspected bounce attacks", "mail rejected. ofr", "url listed", "message filtered",
            ]),
        FailureRule(
            id: "words.relay", kind: .blocked, confidence: 0.95,
            any: [
                "relay access denied", "relaying denied", "unable to relay", "relay not permitted", "relaying not allowed", "not permitted to relay",
                "relay denied", "list of allowed rcpthosts", "we do not relay", "authentication required", "authentication is required",
                "must authenticate", "smtp auth", "sasl",
            ]),
        FailureRule(
            id: "words.authentication", kind: .blocked, confidence: 0.95,
            any: [
                " dmarc ", "dmarc policy", " spf ", "spf check", "spf fail", " dkim ", "dkim check", "required authentication level", "reverse dns",
                "ptr record",
            ]),
        FailureRule(
            id: "words.not-permitted", kind: .blocked, confidence: 0.9,
            any: [
                "not authorized to send", "notauthorized", "sendernotauthenticated", "recipientrestricted", "permission to post",
                "permission to send",
                "only accepts", "restricted to", "administrative prohibition", "envelope blocked", "rejected by policy", "policy restrictions",
                "policy reasons", "policy reject", "policy violation", "local policy", "security policies", "security policy", "by our policy",
                "due to policy", "(x:blocked)", "@:blocked", "not accepted from", "access to this mail system has been rejected",
                "access to submit messages", "daily limit", "sending limit", "sending quota", "frequency limited", "too many recipients",
                "rate limit", "too many messages", "too many connections", "anti-spoofing", "manually blocked", "message rejected due to",
                "delivery not authorized", "envelope blocked", "mail refused", "has suppressed sending", "suppression list",
            ],
            none: ["receiving mail at a rate", "recipient's rate", "exceeded their message rate"]),
        FailureRule(
            id: "words.recipient-rate", kind: .softBounce, confidence: 0.9,
            any: ["receiving mail at a rate", "receiving mail too quickly", "recipient's rate", "exceeded their message rate", "hourly recipient"]),
        FailureRule(
            id: "words.expired", kind: .softBounce, confidence: 0.95,
            any: [
                "queue.expired", "message expired", "delivery time expired", "retry timeout exceeded", "retry time not reached",
                "in the queue too long",
                "could not be delivered for more than", "connection timed out", "connection refused", "no route to host", "operation timed out",
                "lost connection", "host not responding", "network is unreachable", "too many hops", "hop count exceeded", "loops back to myself",
                "loopdetected", "mail loop", "routing loop", "retries exhausted", "delivery attempts", "unable to connect", "couldn't connect",
                "wasn't able to establish an smtp connection", "message is looping", "delivery timeout", "esmtp not accepting connections",
                "failed to connect", "smtp connect() failed", "lookup failed temporarily",
            ]),
        FailureRule(
            id: "words.temporary", kind: .softBounce, confidence: 0.85,
            any: [
                "greylist", "graylist", "grey-list", "gray-list", "try again later", "try later", "temporarily unavailable", "temporarily deferred",
                "temporary failure", "temporary error", "temporarily not available", "temporarily rejected", "temporarily disabled",
                "temporarily suspended", "please retry",
                "resources temporarily", "system not accepting", "under maintenance", "service not available", "storedrv.deliver",
            ],
            none: ["no such user", "does not exist", "user unknown"]),
    ]

    // MARK: - The status alone

    private static let ofStatus: [FailureRule] = [
        FailureRule(id: "status.no-such-mailbox", kind: .hardBounce, confidence: 0.97, statuses: ["5.1.1"]),
        FailureRule(id: "status.no-such-domain", kind: .hardBounce, confidence: 0.95, statuses: ["5.1.2", "5.4.310"]),
        FailureRule(id: "status.bad-address", kind: .hardBounce, confidence: 0.95, statuses: ["5.1.3"]),
        FailureRule(id: "status.moved", kind: .hardBounce, confidence: 0.93, statuses: ["5.1.6"]),
        FailureRule(id: "status.accepts-no-mail", kind: .hardBounce, confidence: 0.96, statuses: ["5.1.10"]),
        FailureRule(id: "status.mailbox-disabled", kind: .hardBounce, confidence: 0.92, statuses: ["5.2.1"]),
        FailureRule(id: "status.unroutable", kind: .hardBounce, confidence: 0.9, statuses: ["5.4.4"]),
        FailureRule(id: "status.mailbox-full", kind: .softBounce, confidence: 0.97, statuses: ["5.2.2"]),
        FailureRule(id: "status.recipient-rate", kind: .softBounce, confidence: 0.9, statuses: ["5.2.121", "5.2.122"]),
        FailureRule(id: "status.too-large", kind: .softBounce, confidence: 0.95, statuses: ["5.2.3", "5.3.4"]),
        FailureRule(id: "status.daily-limit", kind: .blocked, confidence: 0.9, statuses: ["5.4.5"]),
        FailureRule(id: "status.policy", kind: .blocked, confidence: 0.95, statuses: ["5.7.x"]),
        FailureRule(id: "status.content", kind: .blocked, confidence: 0.9, statuses: ["5.6.x"]),
        FailureRule(id: "status.sender", kind: .blocked, confidence: 0.95, statuses: ["5.1.7", "5.1.8", "5.1.9", "5.1.20", "5.1.90"]),
        FailureRule(id: "status.system", kind: .softBounce, confidence: 0.85, statuses: ["5.3.1", "5.3.2", "5.3.3", "5.3.5"]),
        FailureRule(id: "status.network", kind: .softBounce, confidence: 0.85, statuses: ["5.4.x"]),
    ]

    // MARK: - Temporary

    private static let ofTransient: [FailureRule] = [
        FailureRule(
            id: "transient.greylisted", kind: .softBounce, confidence: 0.95, any: ["greylist", "graylist", "grey-list", "gray-list", "postgrey"]),
        FailureRule(id: "transient.mailbox-full", kind: .softBounce, confidence: 0.97, statuses: ["4.2.2"]),
        FailureRule(
            id: "transient.sender-refused", kind: .blocked, confidence: 0.9,
            any: [
                "[ts", "tss0", "user complaints", "unusual rate", "rate limited", "unsolicited", " spam ", "spamhaus", "blocked using", "block list",
                "blocklist", "blacklist", "poor reputation", "low reputation", "ip reputation", " rp-00", "(rp-00", " dmarc ", " spf ", " dkim ",
                "sender address rejected", "sender verify", "daily limit", "sending limit", "sending quota",
            ],
            none: ["receiving mail at a rate", "receiving mail too quickly"]),
        FailureRule(id: "transient.policy", kind: .blocked, confidence: 0.85, statuses: ["4.7.x"]),
    ]
}
