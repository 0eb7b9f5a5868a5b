"""A private Postfix with Dovecot before it, for tests of the SMTP client against the servers that the world runs.

Started with a folder, a certificate and its key; writes the ports as JSON into `ports` in that folder and ends, with both servers, at SIGTERM.
Needs root, as Postfix does: its parts run as users of their own.
"""

import pwd
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mailserver import private  # noqa: E402
from penguin.processes import program  # noqa: E402

USER, PASSWORD, DOMAIN = "grace@sender.example", "correct horse", "reader.example"

POSTFIX = """\
compatibility_level = 3.6
queue_directory = {folder}/postfix/queue
data_directory = {folder}/postfix/data
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.reader.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
message_size_limit = 100000
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:all/
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{auth}
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions =
    check_recipient_access inline:{{ {{nobody@{domain} = 550 5.1.1 nobody here}}, {{later@{domain} = 450 4.2.1 come back later}} }}
"""

# service, type, private, unprivileged, chroot, wakeup, maximum of processes, command
MASTER = """\
127.0.0.1:{smtp} inet n - n - - smtpd
127.0.0.1:{plain} inet n - n - - smtpd -o smtpd_sasl_auth_enable=no -o mynetworks=127.0.0.0/8
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
postlog unix-dgram n - n - 1 postlogd
"""

DOVECOT = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = submission
hostname = submission.sender.example
ssl = required
ssl_cert = <{certificate}
ssl_key = <{key}
auth_mechanisms = plain login
mail_location = maildir:{folder}/home
first_valid_uid = 1
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
submission_relay_host = 127.0.0.1
submission_relay_port = {plain}
submission_relay_trusted = yes
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
service auth {{
  inet_listener {{
    address = 127.0.0.1
    port = {auth}
  }}
}}
"""


def main():
    folder, certificate, key = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    ports = private.begin(("smtp", "plain", "submission", "submissions", "auth"))
    owner = pwd.getpwnam("postfix")
    values = {
        "folder": folder, "certificate": certificate, "key": key, "domain": DOMAIN, "uid": owner.pw_uid, "gid": owner.pw_gid, **ports}
    for name in ("postfix/queue", "postfix/data", "mail", "home", "run"):
        (folder / name).mkdir(mode=0o755, parents=True, exist_ok=True)
    for name in ("postfix/data", "mail", "home"):
        shutil.chown(folder / name, "postfix", "postfix")
    # The servers' own users pass through.
    folder.chmod(0o755)
    (folder / "users").write_text(f"{USER}:{PASSWORD}\n")
    (folder / "dovecot.conf").write_text(DOVECOT.format(**values))
    (folder / "postfix/main.cf").write_text(POSTFIX.format(**values))
    (folder / "postfix/master.cf").write_text(MASTER.format(**values))
    # Makes the folders of the queue.
    subprocess.run([program("postfix", "postfix"), "-c", folder / "postfix", "check"], check=True, stdin=subprocess.DEVNULL)
    servers = [
        private.start([program("dovecot", "dovecot-submissiond"), "-F", "-c", folder / "dovecot.conf"], folder / "dovecot.out"),
        private.start(["/usr/lib/postfix/sbin/master", "-c", folder / "postfix", "-d"], folder / "postfix.out"),
    ]
    private.serve(folder, ports, servers)


if __name__ == "__main__":
    main()
