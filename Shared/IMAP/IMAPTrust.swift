import CEtpan
import Foundation

/// The certificate authorities that a server's certificate is checked against; reads files, so make one and keep it.
///
/// libetpan's own TLS was looked at and is not used: built with GnuTLS, as Debian does, it makes a session without any check of the certificate
/// and leaves that to whoever asks for the chain afterwards. Ours is checked inside the handshake, chain and host name, before a byte of IMAP.
///
/// `@unchecked Sendable`: the credentials are filled here and only read afterwards, which GnuTLS documents as safe from several threads
/// ("Thread safety": objects that are not modified may be shared).
public final class IMAPTrust: @unchecked Sendable {
    let credentials: gnutls_certificate_credentials_t

    /// The system's authorities and, where given, those of a PEM file.
    public init(certificateFile: String? = nil) throws(IMAPError) {
        var made: gnutls_certificate_credentials_t?
        guard gnutls_certificate_allocate_credentials(&made) == GNUTLS_E_SUCCESS, let made else {
            throw IMAPError(.invalidConfiguration, stage: .tls, message: "no memory for certificates")
        }
        credentials = made
        // None is an answer, too: a system may have no store of its own beside the file.
        let system = gnutls_certificate_set_x509_system_trust(made)
        guard let certificateFile else {
            guard system > 0 else {
                throw IMAPError(.invalidConfiguration, stage: .tls, message: "cannot read the certificates in the system's store")
            }
            return
        }
        guard gnutls_certificate_set_x509_trust_file(made, certificateFile, GNUTLS_X509_FMT_PEM) > 0 else {
            throw IMAPError(.invalidConfiguration, stage: .tls, message: "cannot read the certificates in \(certificateFile)")
        }
    }

    deinit {
        gnutls_certificate_free_credentials(credentials)
    }
}
