"""The SMTP side: aiosmtpd with the settings of a submission server."""

import asyncio
import re

from aiosmtpd.smtp import SMTP, AuthResult

# An address without comments, quotes or routes, which is every address that software writes.
PLAIN_ADDRESS = re.compile(r"<([^\s<>\"@(),:;\\]+@[^\s<>\"@(),:;\\]+)>((?: .*)?)$")
LARGEST_MESSAGE = 32 * 1024 * 1024


class Protocol(SMTP):
    """One connection: STARTTLS first where there is a certificate, then AUTH, then mail."""

    def __init__(self, catcher, users, tls, loop):
        def authenticate(server, session, envelope, mechanism, credentials):
            if users.accepts(credentials.login, credentials.password):
                return AuthResult(success=True, auth_data=credentials)
            return AuthResult(success=False, handled=False, message="535 5.7.8 Authentication credentials invalid")

        super().__init__(
            catcher, data_size_limit=LARGEST_MESSAGE, enable_SMTPUTF8=True, hostname="localhost", ident="PenguinMails development server",
            tls_context=tls, require_starttls=tls is not None, auth_required=True, auth_require_tls=tls is not None, authenticator=authenticate,
            loop=loop,
        )

    def break_line(self):
        """Ends the connection without a word, as a crash or a cut cable would."""
        (self._original_transport or self.transport).abort()
        raise asyncio.CancelledError

    def _getparams(self, params):
        # Whoever offers AUTH takes the name of whom a mail comes from (RFC 4954, section 5), which Dovecot hands on and aiosmtpd does not know.
        found = super()._getparams(params)
        if found:
            found.pop("AUTH", None)
        return found

    def _getaddr(self, arg):
        # The header parser that aiosmtpd asks takes a quarter of its whole time for addresses this plain.
        match = PLAIN_ADDRESS.match(arg.strip()) if arg else None
        if match is None:
            return super()._getaddr(arg)
        return match.group(1), match.group(2)
