/// Looked up, not remembered: the tables of replies of Sisimai (its Rhost modules) and ZoneMTA (its bounce rules), which quote what the providers publish,
/// as Google's "Gmail SMTP errors and codes", Microsoft's "Email non-delivery reports and SMTP errors for Exchange Online", Yahoo's "SMTP Error Codes",
/// and the like of Apple, Mimecast, GoDaddy, Cox, Orange and Tencent.
extension FailureRules {
    /// What providers are known to say; the name of each rule begins with the provider's.
    static let ofProviders: [FailureRule] = [
        // Microsoft: 5.4.1 is "no answer from host" in RFC 3463, and "no such recipient" of Exchange Online's directory-based edge blocking.
        FailureRule(
            id: "exchange.edge-blocking", kind: .hardBounce, confidence: 0.95, statuses: ["5.4.1"],
            all: ["recipient address rejected", "access denied"]),
        FailureRule(
            id: "exchange.no-such-recipient", kind: .hardBounce, confidence: 0.97,
            any: ["resolver.adr.recipnotfound", "resolver.adr.recipientnotfound", "resolver.adr.exrecipnotfound", "smtpsend.dns.nonexistentdomain"]),
        // "The recipient that you're attempting to contact isn't valid", under the codes of policy.
        FailureRule(
            id: "exchange.banned-recipient", kind: .hardBounce, confidence: 0.9, statuses: ["5.7.504", "5.7.505"],
            any: ["recipient address rejected: access denied", "banned recipient"]),
        FailureRule(
            id: "exchange.reserved-address", kind: .hardBounce, confidence: 0.95, statuses: ["5.1.4"],
            any: ["recipient address reserved by rfc 2606"]),
        FailureRule(
            id: "outlook.refused", kind: .blocked, confidence: 0.95,
            any: ["(s3140)", "(s3150)", "(s3115)", "(s844)", " sc-00", "(sc-00", " ou-00", "(ou-00", " dy-00", "(dy-00", " rp-00", "(rp-00"]),
        FailureRule(
            id: "outlook.mailbox-unavailable", kind: .hardBounce, confidence: 0.93, statuses: ["5.5.0"],
            all: ["requested action not taken", "mailbox unavailable"]),
        // Google: a group that does not exist and one that refuses are told in the same words.
        FailureRule(id: "google.group", kind: .blocked, confidence: 0.8, all: ["may not exist", "permission"]),
        FailureRule(
            id: "google.disabled", kind: .hardBounce, confidence: 0.96, statuses: ["5.2.1"],
            any: ["account that you tried to reach is disabled", "account that you tried to reach is inactive", "p=disableduser"]),
        FailureRule(
            id: "yahoo.no-such-account", kind: .hardBounce, confidence: 0.96,
            any: [
                "delivery error: dd this user doesn't have a", "delivery error: dd requested mail action aborted", "delivery error: dd sorry",
                "this mailbox is disabled", "account has been disabled or discontinued", "mailbox not found",
            ]),
        FailureRule(
            id: "yahoo.no-longer-valid", kind: .hardBounce, confidence: 0.95, all: ["delivery error: dd @", "is no longer valid"]),
        FailureRule(
            id: "yahoo.refused", kind: .blocked, confidence: 0.95,
            any: [
                " [ts", "[bl2", "[ph0", "unresolvable rfc.5321 domain", "will be permanently deferred", "max message per connection reached",
            ]),
        FailureRule(
            id: "icloud.no-such-user", kind: .hardBounce, confidence: 0.97,
            any: ["user lookup success but no user record found", "inactive email address", "unknown or illegal alias"]),
        FailureRule(
            id: "icloud.refused", kind: .blocked, confidence: 0.95, any: ["[cs01]", "[hm08]", "[hm10]", "[cs02]", "due to excessive volume"]),
        FailureRule(
            id: "gmx.refused", kind: .blocked, confidence: 0.95,
            any: ["transaction failed reject due to", "bad dns ptr", "nemesis esmtp service not"]),
        FailureRule(
            id: "gmx.mailbox-unavailable", kind: .hardBounce, confidence: 0.93, isForUnspecific: true, codes: [550],
            any: ["requested action not taken: mailbox unavailable"]),
        FailureRule(
            id: "t-online.refused", kind: .blocked, confidence: 0.95, any: ["a problem occurred. (ask your postmaster", "(ask your postmaster"]),
        FailureRule(
            id: "mailru.no-such-user", kind: .hardBounce, confidence: 0.96,
            any: ["message was not accepted -- invalid mailbox", "local mailbox @ is unavailable", "is unavailable: user not found"]),
        FailureRule(id: "mailru.refused", kind: .blocked, confidence: 0.95, any: ["help.mail.ru/notspam", "help.mail.ru/mail-help/rejected"]),
        // Yandex gives the code of policy to an address that does not exist.
        FailureRule(
            id: "yandex.no-such-user", kind: .hardBounce, confidence: 0.94, statuses: ["5.7.1"], any: [" no such user! ", " no such user!;"]),
        FailureRule(
            id: "qq.no-such-user", kind: .hardBounce, confidence: 0.95,
            any: [
                "recipient may contain a non-existent account", "mailbox not found. http", "mail.qq.com/detail/0/1023", "is a deactivated mailbox",
            ]),
        FailureRule(
            id: "qq.refused", kind: .blocked, confidence: 0.9,
            any: [
                "frequency limited", "mailbox unavailable or access denied", "mailbox unavailable or access denined",
                "mail is rejected by recipients",
            ]),
        FailureRule(
            id: "netease.refused", kind: .blocked, confidence: 0.95,
            any: ["dt:spm", "dt:sum", "rp:trc", "rp:qrc", "rp:crc", "rp:dec", "mi:spb", "mi:stc", "mi:dmc", "mi:nhd", "ip:trc", "hl:ita"]),
        FailureRule(id: "netease.suspended", kind: .hardBounce, confidence: 0.9, isForUnspecific: true, codes: [550], any: [" user suspended"]),
        FailureRule(id: "mimecast.no-such-user", kind: .hardBounce, confidence: 0.95, all: ["invalid recipient", "mimecast"]),
        FailureRule(
            id: "mimecast.refused", kind: .blocked, confidence: 0.93,
            any: [
                "rejected by header based", "rejected by header-based", "mimecast", "content examination policy", "block policy for envelope from",
                "host network not allowed", "host network, not allowed", "this route requires", "outbound thread limit", "submitter failed to",
            ]),
        // Both blame the sender in the words that others have for a recipient.
        FailureRule(
            id: "godaddy.refused", kind: .blocked, confidence: 0.95,
            any: [
                "too many invalid recipients", "blank from: addresses", "not allowed as a from: address", "from: domain is invalid",
                "max number of messages per session",
            ]),
        FailureRule(
            id: "cox.refused", kind: .blocked, confidence: 0.93,
            any: [
                "too many bad commands", "too many sessions from", "message threshold exceeded", "rejected - no rdns",
                "attachment extension is forbidden",
            ]),
        FailureRule(id: "barracuda.refused", kind: .blocked, confidence: 0.9, all: ["permanent failure for one or more recipients", ":blocked"]),
        FailureRule(
            id: "ironport.no-such-user", kind: .hardBounce, confidence: 0.93, statuses: ["5.1.0"], any: [" address rejected"], none: ["sender"]),
        FailureRule(id: "orange.no-such-user", kind: .hardBounce, confidence: 0.96, any: ["ofr_416", "ofr204_416", "destinataire invalide"]),
        FailureRule(id: "orange.refused", kind: .blocked, confidence: 0.93, any: ["ofr_506", "ofr_515", "ofr_108"]),
        FailureRule(
            id: "domino.no-such-user", kind: .hardBounce, confidence: 0.93, any: ["not listed in domino directory", "not listed in public name"]),
        FailureRule(
            id: "exim.unroutable", kind: .hardBounce, confidence: 0.92,
            any: ["unrouteable address", "unroutable address", "point to non-existent hosts"]),
        FailureRule(
            id: "postfix.no-such-user", kind: .hardBounce, confidence: 0.97, statuses: ["5.0.0", "5.1.0", "5.1.1", "5.5.0", "5.5.1"],
            any: [
                "user unknown in", "recipient address rejected: user unknown", "recipient address rejected: undeliverable address", "unknown user:",
            ]),
        FailureRule(id: "postfix.accepts-no-mail", kind: .hardBounce, confidence: 0.95, statuses: ["5.1.0", "5.1.10"], any: ["nullmx", "null mx"]),
        FailureRule(
            id: "qmail.no-such-user", kind: .hardBounce, confidence: 0.96,
            any: ["no mailbox here by that name", "couldn't find any host named", "couldn't find a mail exchanger or ip address"],
            none: ["temporar"]),
    ]

    /// Where the status says nothing: the words alone, in the languages of servers.
    static let unspecific: [FailureRule] = [
        FailureRule(
            id: "words.no-such-user", kind: .hardBounce, confidence: 0.92, statuses: ["5.1.0", "5.2.0", "5.3.0", "5.5.0", "5.5.1", "5.5.4"],
            any: noSuchUser,
            none: doubts),
        FailureRule(id: "words.no-such-user", kind: .hardBounce, confidence: 0.9, isForUnspecific: true, any: noSuchUser, none: doubts),
        FailureRule(id: "words.no-such-domain", kind: .hardBounce, confidence: 0.9, isForUnspecific: true, any: noSuchDomain, none: doubts),
        FailureRule(
            id: "code.accepts-no-mail", kind: .hardBounce, confidence: 0.9, isForUnspecific: true, codes: [521, 556],
            any: ["accept mail", "accepts no mail", "null mx"]),
        FailureRule(id: "code.storage", kind: .softBounce, confidence: 0.85, isForUnspecific: true, codes: [552, 452]),
        FailureRule(id: "code.authentication", kind: .blocked, confidence: 0.85, codes: [530, 535, 571]),
    ]

    private static let noSuchUser = [
        "user unknown", "unknown user", "no such user", "user not found", "user doesn't exist", "user does not exist", "user is unknown",
        "unknown or illegal user", "not a known user", "not our customer", "mailbox not found", "mailbox does not exist", "mailbox doesn't exist",
        "no such mailbox", "mailbox unavailable", "no mailbox", "invalid mailbox", "unknown mailbox", "mailbox disabled", "mailbox is disabled",
        "mailbox inactive", "mailbox is inactive", "unknown recipient", "recipient unknown", "recipient not found", "no such recipient",
        "recipient does not exist", "recipient doesn't exist", "invalid recipient", "recipient is invalid", "recipient invalid", "bad recipient",
        "addressee unknown", "address does not exist", "address doesn't exist", "no such address", "unknown address", "address unknown",
        "address not found", "couldn't be found", "could not be found at", "wasn't found at", "account does not exist", "account doesn't exist",
        "no such account", "account not found", "account disabled", "account is disabled", "account has been disabled", "account is inactive",
        "account inactive", "account has been deactivated", "account has been closed", "account closed", "account expired", "no longer exists",
        "no longer on server", "is not a valid mailbox", "is not a valid address", "doesn't have an account", "does not have an account",
        "there is no user", "no user with that", "no one by that name", "recipient no longer", "not a valid user", "user invalid",
        "does not exist here",
        "benutzer unbekannt", "unbekannter benutzer", "empfänger unbekannt", "unbekannter empfänger", "empfängeradresse existiert nicht",
        "utilisateur inconnu", "destinataire inconnu", "adresse inconnue", "n'existe pas", "usuario desconocido", "usuario no existe",
        "destinatario desconocido", "no existe el usuario", "utente sconosciuto", "utente inesistente", "casella inesistente",
        "destinatario inesistente",
        "usuário desconhecido", "usuário não existe", "destinatário desconhecido", "usuario inexistente", "usuário inexistente", "gebruiker onbekend",
        "onbekende gebruiker", "okänd användare", "ukjent bruker", "ukendt bruger", "tuntematon käyttäjä", "nieznany użytkownik",
        "użytkownik nie istnieje", "neznámý uživatel", "ismeretlen felhasználó", "kullanıcı bulunamadı", "неизвестный пользователь",
        "пользователь не найден", "нет такого пользователя", "несуществующ", "用户不存在", "用戶不存在", "收件人不存在", "邮箱不存在", "無此使用者",
        "ユーザーが存在しません", "宛先が存在しません", "存在しない", "없는 사용자", "존재하지 않는",
    ]

    private static let noSuchDomain = [
        "host or domain name not found", "domain does not exist", "domain doesn't exist", "domain not found", "host unknown", "unknown host",
        "host not found",
        "no such domain", "non-existent domain", "nxdomain", "domain couldn't be found", "domain name not found", "name service error",
    ]

    /// What takes the certainty out of the same words.
    private static let doubts = [
        "sender", "try again", "temporar", "retry", "blocked", "denied", "policy", "rejected due to", "greylist", "not accepting", "relay",
        "authenticat",
    ]
}
