import CEtpan
import Foundation

extension IMAPConnection {
    /// Proves who we are by the best mechanism that the server offers.
    func authenticate(_ credentials: IMAPCredentials) throws(IMAPError) {
        guard server.security != .unprotected || isLoopback else {
            throw IMAPError(
                .authenticationUnprotected, stage: .authentication,
                message: "credentials are not sent over an unencrypted connection to another machine")
        }
        handle.wire.begin(.authentication, within: timeouts.command)
        switch credentials {
        case .password(let username, let password):
            try requireText(username, password)
            if capabilities.contains("AUTH=PLAIN") {
                try authenticate("PLAIN", "\0\(username)\0\(password)", afterwards: "*")
            } else {
                try login(username, password)
            }
        case .accessToken(let username, let token):
            try requireText(username, token)
            guard capabilities.contains("AUTH=XOAUTH2") else { throw unavailable("XOAUTH2") }
            // A refusal is explained in a challenge first; the verdict follows an empty line.
            try authenticate("XOAUTH2", "user=\(username)\u{1}auth=Bearer \(token)\u{1}\u{1}", afterwards: "")
        }
        handle.session.pointee.imap_state = Int32(MAILIMAP_STATE_AUTHENTICATED)
    }

    private func authenticate(_ mechanism: String, _ secret: String, afterwards: String) throws(IMAPError) {
        let tag = nextTag()
        let encoded = Data(secret.utf8).base64EncodedString()
        var answers = [afterwards]
        if capabilities.contains("SASL-IR") {
            try send("\(tag) AUTHENTICATE \(mechanism) \(encoded)")
        } else {
            answers.insert(encoded, at: 0)
            try send("\(tag) AUTHENTICATE \(mechanism)")
        }
        var challenge: String?
        while true {
            switch try nextLine(of: tag) {
            case .done: return
            case .untagged: continue
            case .continuation(let text):
                guard !answers.isEmpty else {
                    throw IMAPError(.protocolViolation, stage: .authentication, message: "the server asks on and on")
                }
                if answers.count == 1 { challenge = Data(base64Encoded: text).map { String(decoding: $0.prefix(200), as: UTF8.self) } }
                try send(answers.removeFirst())
            case .refused(let words):
                throw refused([words, challenge ?? ""].filter { !$0.isEmpty }.joined(separator: " "))
            }
        }
    }

    private func login(_ username: String, _ password: String) throws(IMAPError) {
        guard !capabilities.contains("LOGINDISABLED") else { throw unavailable("PLAIN or LOGIN") }
        let result = mailimap_login(handle.session, username, password)
        if Int(result) == MAILIMAP_ERROR_LOGIN, handle.wire.failure == nil { throw refused(handle.wire.words ?? "") }
        try check(result, at: .authentication)
    }

    private func refused(_ words: String) -> IMAPError {
        IMAPError(.authenticationFailed, stage: .authentication, message: "the server refused the credentials", words: words)
    }

    private func unavailable(_ wanted: String) -> IMAPError {
        let offered = capabilities.filter { $0.hasPrefix("AUTH=") }.map { $0.dropFirst(5) }.sorted().joined(separator: ", ")
        return IMAPError(
            .authenticationUnavailable, stage: .authentication,
            message: "the server does not offer \(wanted), but \(offered.isEmpty ? "no authentication" : offered)")
    }

    /// A line break in a password would be the end of the command and the begin of the next.
    private func requireText(_ values: String...) throws(IMAPError) {
        guard values.allSatisfy({ value in value.utf8.count <= 8_192 && !value.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F } })
        else {
            throw IMAPError(.invalidConfiguration, stage: .authentication, message: "the user name or secret contains a control character")
        }
    }

    private var isLoopback: Bool {
        guard let address = handle.wire.remoteAddress else { return false }
        return address.hasPrefix("127.") || address == "::1" || address.hasPrefix("::ffff:127.")
    }
}
