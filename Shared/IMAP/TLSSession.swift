import CEtpan
import Foundation

/// TLS over a connected, non-blocking socket; the one owner of a `gnutls_session_t`.
struct TLSSession: ~Copyable {
    private let session: gnutls_session_t
    /// The session keeps the address of the name until the handshake.
    private let host: UnsafeMutablePointer<CChar>
    /// What the session refers to must live as long.
    private let trust: IMAPTrust

    /// TLS 1.2 and above, as the SMTP client has it.
    private static let priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

    init(descriptor: Int32, host: String, trust: IMAPTrust) throws(IMAPError) {
        guard let name = strdup(host) else { throw IMAPError(.tlsFailed, stage: .tls, message: "no memory for a session") }
        var made: gnutls_session_t?
        let flags = UInt32(GNUTLS_CLIENT.rawValue | GNUTLS_NONBLOCK.rawValue | GNUTLS_NO_SIGNAL.rawValue)
        guard gnutls_init(&made, flags) == GNUTLS_E_SUCCESS, let made else {
            free(name)
            throw IMAPError(.tlsFailed, stage: .tls, message: "no memory for a session")
        }
        guard gnutls_priority_set_direct(made, Self.priorities, nil) == GNUTLS_E_SUCCESS,
            gnutls_credentials_set(made, GNUTLS_CRD_CERTIFICATE, UnsafeMutableRawPointer(trust.credentials)) == GNUTLS_E_SUCCESS
        else {
            gnutls_deinit(made)
            free(name)
            throw IMAPError(.tlsFailed, stage: .tls, message: "the session could not be set up")
        }
        if !Self.isAddress(host) { gnutls_server_name_set(made, GNUTLS_NAME_DNS, host, host.utf8.count) }
        // The handshake fails unless the chain ends at an authority of ours and the certificate is for this name.
        gnutls_session_set_verify_cert(made, name, 0)
        gnutls_transport_set_int2(made, descriptor, descriptor)
        session = made
        self.host = name
        self.trust = trust
    }

    deinit {
        // No farewell: the socket may block, and nobody waits for it.
        gnutls_deinit(session)
        free(host)
    }

    /// Whether bytes wait in memory, of which the socket says nothing.
    var hasPending: Bool { gnutls_record_check_pending(session) > 0 }

    enum Step {
        case done(Int)
        case wantsRead
        case wantsWrite
        case closed
        case failed(String)
    }

    func handshake() -> Step {
        let result = gnutls_handshake(session)
        if result == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR { return .failed(verificationProblem) }
        return step(Int(result))
    }

    func receive(_ buffer: UnsafeMutableRawPointer, _ count: Int) -> Step {
        let result = gnutls_record_recv(session, buffer, count)
        // Many servers hang up without a farewell; a cut off answer is noticed by IMAP's own framing.
        if result == 0 || result == Int(GNUTLS_E_PREMATURE_TERMINATION) { return .closed }
        return step(result)
    }

    /// Must be called again with the same bytes after ``Step/wantsRead`` or ``Step/wantsWrite``.
    func send(_ buffer: UnsafeRawPointer, _ count: Int) -> Step {
        step(gnutls_record_send(session, buffer, count))
    }

    private func step(_ result: Int) -> Step {
        if result >= 0 { return .done(result) }
        let code = Int32(truncatingIfNeeded: result)
        // A warning, a new key or a ticket: the same call again goes on.
        if code == GNUTLS_E_INTERRUPTED || gnutls_error_is_fatal(code) == 0 && code != GNUTLS_E_AGAIN { return again }
        if code == GNUTLS_E_AGAIN { return gnutls_record_get_direction(session) == 0 ? .wantsRead : .wantsWrite }
        return .failed(gnutls_strerror(code).map { String(cString: $0) } ?? "error \(code)")
    }

    private var again: Step { .wantsWrite }

    /// Why the certificate was not believed, in GnuTLS' words.
    private var verificationProblem: String {
        let status = gnutls_session_get_verify_cert_status(session)
        var words = gnutls_datum_t()
        guard gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &words, 0) == GNUTLS_E_SUCCESS, let data = words.data else {
            return "the certificate is not trusted"
        }
        defer { penguin_gnutls_free(data) }
        let text = String(decoding: UnsafeBufferPointer(start: data, count: Int(words.size)), as: UTF8.self)
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func isAddress(_ host: String) -> Bool {
        var four = in_addr()
        var six = in6_addr()
        return inet_pton(AF_INET, host, &four) == 1 || inet_pton(AF_INET6, host, &six) == 1
    }
}
