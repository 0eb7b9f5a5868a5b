"""Answers that really arrive: a private Dovecot that Delivery reads by IMAP, with mails put into its Maildir as their senders would have."""

import atexit
import email.policy
import email.utils
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from email.message import EmailMessage
from functools import cache
from pathlib import Path

from ground import ROOT, ground
from penguin.terminal import Failure, wait_until

sys.path.append(str(ROOT / "Tools"))

from mailserver.dovecot import PASSWORD, USERS  # noqa: E402

HTML = (
    '<html><body><h1 style="color: #a00">Hello</h1><p>Gladly, on <b>Thursday</b>.</p><img src="https://tracker.example/p.gif" width="1" height="1">'
    "<script>parent.document.title = 'owned'</script></body></html>")


def possible():
    """Whether Dovecot is here and may be started; its parts run as users of their own, which only root may do."""
    return os.geteuid() == 0 and Path("/usr/lib/dovecot/imap").exists()


@cache
def _server():
    """The folder and ports of the server."""
    if not possible():
        raise Failure("Answers need Dovecot (apt install dovecot-imapd) and root.")
    folder = Path(tempfile.mkdtemp(prefix="penguin-console-mail-"))
    folder.chmod(0o755)
    certificates = ground().layout.certificates
    process = subprocess.Popen([sys.executable, str(ROOT / "Tools/mailserver/dovecot.py"), str(folder), str(certificates / "mail.pem"), str(certificates / "mail.key")])

    def stop():
        process.terminate()
        process.wait(timeout=10)
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    log = folder / "dovecot.log"
    wait_until("The start of Dovecot", lambda: (folder / "ports").exists() and log.exists() and "starting up" in log.read_text(), 20)
    return folder, json.loads((folder / "ports").read_text())


def connect(api, mailbox, user=USERS[0]):
    """Lets Delivery read a mailbox; returns the Maildir into which its mails go."""
    folder, ports = _server()
    imap = {"host": "localhost", "port": ports["imaps"], "security": "tls", "username": user, "password": PASSWORD}
    api.put(f"/api/v1/mailboxes/{mailbox}/imap", imap)
    maildir, owner = folder / "mail" / user, pwd.getpwnam("mail")
    for name in ("", "new", "cur", "tmp"):
        (maildir / name).mkdir(parents=True, exist_ok=True)
        os.chown(maildir / name, owner.pw_uid, owner.pw_gid)
    return maildir


def answer(maildir, path, text, name="", html=None, headers=()):
    """Puts the answer to a mail of ours (a file of the stack's Maildir) into a mailbox; returns its sender."""
    with open(path, "rb") as file:
        mail = email.message_from_binary_file(file, policy=email.policy.default)
    reply, sender = EmailMessage(), mail["Delivered-To"].strip()
    reply["From"], reply["To"] = email.utils.formataddr((name, sender)), mail["From"]
    reply["Subject"], reply["Date"] = f"Re: {mail['Subject']}", email.utils.formatdate()
    reply["Message-ID"], reply["In-Reply-To"], reply["References"] = email.utils.make_msgid(domain="x.example"), mail["Message-ID"], mail["Message-ID"]
    for header, value in headers:
        reply[header] = value
    reply.set_content(f"{text}\n\n> {mail['Subject']}\n")
    if html:
        reply.add_alternative(html, subtype="html")
    owner = pwd.getpwnam("mail")
    place = maildir / "new" / f"{time.time():.6f}.{os.getpid()}.console"
    place.write_bytes(reply.as_bytes())
    os.chown(place, owner.pw_uid, owner.pw_gid)
    return sender


def inbox(api, count):
    """The threads, once there are so many."""
    return wait_until("The arrival of the answers", lambda: (rows := api.get("/api/v1/inbox/threads", state="all")["data"]) and len(rows) >= count and rows, 60)
