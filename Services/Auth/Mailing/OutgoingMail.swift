/// A mail that Auth sends: its words, without its recipient.
struct OutgoingMail: Codable, Sendable, Equatable {
    let kind: String
    let subject: String
    let text: String
    let html: String?
    /// What a provider's own template needs; nil in mails that were stored before there were such.
    var variables: [String: String]?

    /// The link is opened by mail scanners too: it shows a page, and only that page's button proves the address.
    static func verification(_ proof: Verifications.Proof, name: String, baseURL: String) -> OutgoingMail {
        OutgoingMail(
            kind: "verification", subject: "\(proof.code) is your PenguinMails code",
            text: """
                Hello \(name),

                your code is \(proof.code). It is good for 30 minutes.

                Or open this page and press the button:
                \(baseURL)/verify-email?token=\(proof.token)

                If you did not sign up, ignore this mail: nothing happens without the code.
                """,
            html: nil,
            variables: [
                "token": proof.token, "code": proof.code, "userName": name, "verificationUrl": "\(baseURL)/verify-email?token=\(proof.token)",
            ])
    }

    static func passwordReset(token: String, name: String, baseURL: String) -> OutgoingMail {
        OutgoingMail(
            kind: "password_reset", subject: "Set a new PenguinMails password",
            text: """
                Hello \(name),

                somebody, probably you, asked for a new password. Set it here within an hour:
                \(baseURL)/reset-password?token=\(token)

                If it was not you, there is nothing to do: your password stays as it is.
                """,
            html: nil,
            variables: ["resetToken": token, "userName": name, "resetUrl": "\(baseURL)/reset-password?token=\(token)"])
    }

    static func passwordChanged(name: String, baseURL: String) -> OutgoingMail {
        OutgoingMail(
            kind: "password_changed", subject: "Your PenguinMails password was changed",
            text: """
                Hello \(name),

                the password of your account was changed just now, and all other devices were signed out.

                If it was not you, set a new one at once:
                \(baseURL)/forgot-password
                """,
            html: nil,
            variables: ["userName": name, "resetUrl": "\(baseURL)/forgot-password"])
    }

    static func factorChanged(isEnabled: Bool, name: String, baseURL: String) -> OutgoingMail {
        OutgoingMail(
            kind: "factor_changed", subject: isEnabled ? "Two-step sign-in is on" : "Two-step sign-in is off",
            text: """
                Hello \(name),

                two-step sign-in of your PenguinMails account was switched \(isEnabled ? "on" : "off") just now.

                If it was not you, set a new password at once and look at your devices:
                \(baseURL)/forgot-password
                """,
            html: nil,
            variables: ["userName": name, "state": isEnabled ? "on" : "off", "resetUrl": "\(baseURL)/forgot-password"])
    }

    static func providerLinked(_ provider: String, name: String, baseURL: String) -> OutgoingMail {
        OutgoingMail(
            kind: "provider_linked", subject: "You can sign in with \(provider) now",
            text: """
                Hello \(name),

                \(provider) can be used to sign in to your account from now on.

                If it was not you, set a new password at once and take \(provider) off your account:
                \(baseURL)/forgot-password
                """,
            html: nil, variables: ["userName": name, "provider": provider, "resetUrl": "\(baseURL)/forgot-password"])
    }

    /// To both sides; each has a link of its own.
    static func emailChange(token: String, address: String, isOld: Bool, name: String, baseURL: String) -> OutgoingMail {
        OutgoingMail(
            kind: "email_change", subject: "Confirm the new address of your PenguinMails account",
            text: """
                Hello \(name),

                the address of your account is to become \(address). \(isOld ? "Both addresses have to agree" : "The old address has to agree too").
                Open this page within an hour and press the button:
                \(baseURL)/email-change?token=\(token)

                If it was not you, do not press it\(isOld ? ", and set a new password: \(baseURL)/forgot-password" : "").
                """,
            html: nil,
            variables: ["userName": name, "address": address, "confirmUrl": "\(baseURL)/email-change?token=\(token)"])
    }

    static func invitation(token: String, company: String, inviter: String, baseURL: String) -> OutgoingMail {
        OutgoingMail(
            kind: "invitation", subject: "\(inviter) invites you to \(company) on PenguinMails",
            text: """
                Hello,

                \(inviter) invites you to work in \(company) on PenguinMails. The link is good for seven days:
                \(baseURL)/invitation?token=\(token)

                If you do not know who this is, there is nothing to do.
                """,
            html: nil,
            variables: ["companyName": company, "inviterName": inviter, "invitationUrl": "\(baseURL)/invitation?token=\(token)"])
    }

    static func alreadyRegistered(baseURL: String) -> OutgoingMail {
        OutgoingMail(
            kind: "already_registered", subject: "You already have a PenguinMails account",
            text: """
                Hello,

                somebody, probably you, tried to sign up with this address. There is an account with it already:
                \(baseURL)/login

                If it was not you, there is nothing to do.
                """,
            html: nil,
            variables: ["loginUrl": "\(baseURL)/login"])
    }
}
