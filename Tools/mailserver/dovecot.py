"""A private Dovecot that serves mailboxes by IMAP, for tests of reading them.

Started with a folder, a certificate and its key; writes the ports as JSON into `ports` in that folder and ends, with the server, at SIGTERM.
Needs root, as Dovecot does: its parts run as users of their own. Everybody of `USERS` has the same password; a mailbox is the Maildir
`mail/<user>` in the folder. XOAUTH2 takes tokens (JWT) that are signed with `KEY` by HS256 and name the user as `email`.

With two more arguments it belongs to an OAuth server: the address at which that says of a token whether it is `active` and whose `email` it is, and the
port of a mail server (of `Tools/mailserver`) to which Dovecot hands in what it takes at its own submission ports, for whoever signs in by XOAUTH2.
"""

import base64
import pwd
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mailserver import private  # noqa: E402
from penguin.processes import program  # noqa: E402

PASSWORD = 'correct "horse'
USERS = ["grace@sender.example"] + [f"user{number}@sender.example" for number in range(120)]
KEY = b"the key of the tests' own issuer"

CONFIGURATION = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = {protocols}
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
auth_mechanisms = plain login xoauth2
auth_failure_delay = 0
mail_location = maildir:{folder}/mail/%u
mail_max_userip_connections = 100
mailbox_list_index = no
maildir_very_dirty_syncs = no
first_valid_uid = 1
default_process_limit = 400
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/oauth2.conf
}}
passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox "Gesendete Elemente" {{
    special_use = \\Sent
    auto = create
  }}
  mailbox Unfug {{
    special_use = \\Junk
    auto = create
  }}
}}
# Tests sign in wrongly on purpose: nobody waits for that.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  inet_listener imap {{
    address = 127.0.0.1
    port = {imap}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {imaps}
    ssl = yes
  }}
}}
"""

SUBMISSION = """\
hostname = submission.sender.example
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
submission_relay_user = sender
submission_relay_password = secret
submission_relay_trusted = no
submission_backend_capabilities = 8bitmime pipelining
service submission-login {{
  inet_listener submission {{
    address = 127.0.0.1
    port = {submission}
  }}
  inet_listener submissions {{
    address = 127.0.0.1
    port = {submissions}
    ssl = yes
  }}
}}
"""

OAUTH2 = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/keys/
username_attribute = email
"""

INTROSPECTION = """\
introspection_mode = auth
introspection_url = {introspection}
force_introspection = yes
username_attribute = email
active_attribute = active
active_value = true
"""


def main():
    folder, certificate, key = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    introspection, relay = sys.argv[4:6] if len(sys.argv) > 4 else ("", "")
    ports = private.begin(("imap", "imaps") + (("submission", "submissions") if relay else ()))
    owner = pwd.getpwnam("mail")
    values = {"folder": folder, "certificate": certificate, "key": key, "uid": owner.pw_uid, "gid": owner.pw_gid, **ports}
    values |= {"protocols": "imap submission" if relay else "imap", "introspection": introspection, "relay": relay}
    for name in ("mail", "home", "run", "keys/default/HS256"):
        (folder / name).mkdir(mode=0o755, parents=True, exist_ok=True)
    for name in ("mail", "home"):
        shutil.chown(folder / name, "mail", "mail")
    # The server's own users pass through.
    folder.chmod(0o755)
    (folder / "users").write_text("".join(f"{user}:{PASSWORD}\n" for user in USERS))
    (folder / "keys/default/HS256/default").write_text(base64.b64encode(KEY).decode())
    (folder / "oauth2.conf").write_text((INTROSPECTION if introspection else OAUTH2).format(**values))
    (folder / "dovecot.conf").write_text((CONFIGURATION + (SUBMISSION if relay else "")).format(**values))
    server = private.start([program("dovecot", "dovecot-imapd"), "-F", "-c", folder / "dovecot.conf"], folder / "dovecot.out")
    private.serve(folder, ports, [server])


if __name__ == "__main__":
    main()
