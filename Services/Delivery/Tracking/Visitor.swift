import Foundation

/// What asks for an image or a link, as far as it says so itself: the one word that is kept of program and address, which are looked at here and
/// nowhere else.
enum Visitor: String, Sendable, CaseIterable {
    /// A browser or mail program.
    case person
    /// Fetches an image for a person when the person looks (Gmail, Yahoo).
    case viewProxy = "view_proxy"
    /// Fetches ahead of any person (Apple's mail privacy, a browser's prefetch).
    case prefetcher
    /// Looks for malice in mail.
    case scanner
    /// No browser: a script, a crawler, a preview, or anything that runs in a data centre.
    case program
    /// Says nothing that anybody would recognise.
    case unknown

    /// What a request shows of who sends it.
    struct Traits: Sendable {
        var userAgent: String?
        var address: String?
        /// The values of `Purpose`, `Sec-Purpose` and `X-Moz`.
        var purpose: String?
    }

    init(_ traits: Traits, networks: VisitorNetworks) {
        let agent = (traits.userAgent ?? "").lowercased()
        let network = traits.address.flatMap(IPAddress.init).flatMap(networks.kind)
        if let purpose = traits.purpose?.lowercased(), purpose.contains("prefetch") || purpose.contains("preview") || purpose.contains("prerender") {
            self = .prefetcher
        } else if Self.has(agent, Self.scanners) || network == .scanner {
            self = .scanner
        } else if Self.has(agent, Self.viewProxies) {
            self = .viewProxy
        } else if agent == "mozilla/5.0" || network == .prefetcher {
            // The whole of what Apple's proxies say of themselves.
            self = .prefetcher
        } else if agent.isEmpty || Self.has(agent, Self.programs) || network == .cloud {
            self = .program
        } else if Self.has(agent, Self.browsers) {
            self = .person
        } else {
            self = .unknown
        }
    }

    private static func has(_ agent: String, _ words: [String]) -> Bool {
        words.contains { agent.contains($0) }
    }

    private static let viewProxies = ["googleimageproxy", "ggpht.com", "yahoomailproxy", "yahoo! slurp/mail", "duckduckgo-email", "protonmail-proxy"]
    private static let scanners = [
        "barracuda", "proofpoint", "mimecast", "symantec", "messagelabs", "ironport", "fireeye", "trellix", "forcepoint", "websense", "sophos",
        "trendmicro", "trend micro", "zscaler", "bitdefender", "kaspersky", "safelinks", "microsoft-safelinks", "atp-", "checkpoint", "cloudmark",
        "vadesecure", "vade-", "spamhaus", "virustotal", "urlscan", "phishtank", "netcraft", "cyren", "avanan", "abnormal", "greathorn", "inky",
        "hornetsecurity", "retarus", "mailguard", "spamexperts", "n-able", "paloalto", "palo alto", "bitsightbot", "censys", "expanse",
        "nimbostratus",
    ]
    private static let programs = [
        "curl/", "wget/", "python", "go-http-client", "java/", "okhttp", "apache-httpclient", "libwww", "lwp::", "node-fetch", "axios/", "undici",
        "guzzlehttp", "php/", "ruby", "perl", "aiohttp", "httpx", "winhttp", "headlesschrome", "phantomjs", "puppeteer", "playwright", "selenium",
        "bot/", "bot;", "bot)", "crawler", "spider", "preview", "facebookexternalhit", "slackbot", "slack-img", "twitterbot", "linkedinbot",
        "whatsapp",
        "telegrambot", "discordbot", "skypeuripreview", "microsoftpreview", "bingbot", "googlebot", "applebot", "yandex", "baidu", "monitor",
        "uptime",
        "check_http", "scanner", "validator", "feedfetcher",
    ]
    private static let browsers = [
        "chrome/", "chromium/", "safari/", "firefox/", "edg/", "edge/", "opr/", "opera", "trident/", "msie ", "samsungbrowser", "applewebkit/",
        "gecko/",
        "thunderbird", "microsoft office", "microsoft outlook", "outlook-ios", "outlook-android", "ms-office", "airmail", "spark", "betterbird",
        "em client", "emclient", "mailspring", "postbox", "the bat!", "lotus-notes", "dalvik/",
    ]
}
