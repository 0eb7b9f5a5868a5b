import Foundation
import NIOCore

extension SMTPConnection {
    /// Proves who we are by the best mechanism that the server offers.
    func authenticate(_ credentials: SMTPCredentials) async throws(SMTPError) {
        guard server.allowsCredentials(remoteAddress: channel.remoteAddress?.ipAddress) else {
            throw SMTPError(
                .authenticationUnprotected, stage: .auth, message: "credentials are not sent over an unencrypted connection to another machine")
        }
        let verdict =
            switch credentials {
            case .password(let username, let password): try await authenticate(username, password: password)
            case .accessToken(let username, let token): try await authenticate(username, token: token)
            }
        guard verdict.isPositive else {
            throw SMTPError(.authenticationFailed, stage: .auth, message: "the server refused the credentials", reply: verdict)
        }
    }

    private func authenticate(_ username: String, password: String) async throws(SMTPError) -> SMTPReply {
        guard !username.utf8.contains(0), !password.utf8.contains(0) else {
            throw SMTPError(.invalidConfiguration, stage: .auth, message: "the user name or password contains a NUL character")
        }
        if capabilities.authentication.contains("PLAIN") {
            return try await exchange(.authentication("AUTH PLAIN \(Self.base64("\0\(username)\0\(password)"))"))
        }
        guard capabilities.authentication.contains("LOGIN") else { throw unavailable("PLAIN or LOGIN") }
        var reply = try await exchange(.authentication("AUTH LOGIN"))
        // The server asks for the two in its own words; only the order counts.
        for answer in [username, password] where reply.isIntermediate {
            reply = try await exchange(.authentication(Self.base64(answer)))
        }
        return reply
    }

    private func authenticate(_ username: String, token: String) async throws(SMTPError) -> SMTPReply {
        guard !(username + token).utf8.contains(where: { $0 < 0x20 }) else {
            throw SMTPError(.invalidConfiguration, stage: .auth, message: "the user name or token contains a control character")
        }
        guard capabilities.authentication.contains("XOAUTH2") else { throw unavailable("XOAUTH2") }
        let secret = Self.base64("user=\(username)\u{1}auth=Bearer \(token)\u{1}\u{1}")
        let reply = try await exchange(.authentication("AUTH XOAUTH2 \(secret)"))
        // A refusal is explained in a challenge first; the verdict follows an empty line.
        return reply.isIntermediate ? try await exchange(.authentication("")) : reply
    }

    private func unavailable(_ wanted: String) -> SMTPError {
        let offered = capabilities.authentication.sorted().joined(separator: ", ")
        return SMTPError(
            .authenticationUnavailable, stage: .auth,
            message: "the server does not offer \(wanted), but \(offered.isEmpty ? "no authentication" : offered)")
    }

    private static func base64(_ text: String) -> String {
        Data(text.utf8).base64EncodedString()
    }
}
