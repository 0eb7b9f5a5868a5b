"""Decides about each recipient and keeps each message."""

from mailserver.maildir import Maildir

# How to ask for a fault: the beginning of the recipient's local part, and the reply it causes.
REFUSALS = {
    "refuse-550": "550 5.1.1 There is no such mailbox here",
    "defer-450": "450 4.2.0 The mailbox is busy, try again later",
}
# The message is taken and kept, but the line breaks before the reply: the sender cannot know which.
DROP = "drop"


class Catcher:
    """The hooks that aiosmtpd calls."""

    def __init__(self, maildir: Maildir):
        self._maildir = maildir

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        # The protocol reads line by line from a buffer, so commands may be sent without waiting for replies.
        return responses[:-1] + ["250-PIPELINING", "250-ENHANCEDSTATUSCODES", responses[-1]]

    async def handle_RCPT(self, server, session, envelope, address, options):
        local = address.rpartition("@")[0].lower()
        for prefix, reply in REFUSALS.items():
            if local.startswith(prefix):
                return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        self._maildir.store(envelope.mail_from, envelope.rcpt_tos, envelope.content)
        if any(recipient.lower().startswith(DROP) for recipient in envelope.rcpt_tos):
            server.break_line()
        return "250 2.0.0 Kept"
