"""./penguin rotate-key: a new secret in place of an old one, so that whatever the old one made is still read.

What is read at start only (keys, passwords) is told to the services by a rolling restart, first that there is a new one, then that it is the current
one: no two processes ever disagree about what they can read. A step that was broken off is finished by the next call.
"""

import base64
import contextlib
import json
import os
import re
import secrets
import signal
import time
from pathlib import Path

from penguin import certificates, gateway, rolling, secrets_file, stack
from penguin.backup_database import Database
from penguin.layout import SERVICES, Layout, read_json, write_private, write_private_json
from penguin.postgres import DATABASE
from penguin.processes import send
from penguin.terminal import Failure, say, step

NUMBER = re.compile(r"^(.*?)(\d+)$")
# Longer than any token of services lives.
TOKEN_SECONDS = 70


def options(command):
    command.add_argument("name", nargs="?", choices=sorted(KEYS), metavar="NAME", help="; ".join(f"{name}: {words}" for name,
        (_, words) in KEYS.items()))
    command.add_argument("--drop-former", action="store_true", help="trail: take out what was current before the last change")


def run(options):
    layout = Layout()
    if not layout.secrets.exists():
        raise Failure(f"There is no stack in {layout.folder}.")
    if options.name is None:
        for line in overview(layout):
            say("  " + line)
        return 0
    rotate, _ = KEYS[options.name]
    rotate(layout, _restarter(layout), options)
    say("  Make a backup now: ./penguin backup.")
    return 0


def _restarter(layout):
    """A function that has services read their settings anew, where there are any that run."""
    def tell(names=SERVICES):
        if stack.RunningStack.find(layout):
            with step(f"Restarting {', '.join(names)}, one after the other"):
                rolling.restart(layout, names)
    return tell


# MARK: The root keys for secrets at rest

def encryption(layout, tell, _):
    path = layout.keys / "encryption.json"
    ring = read_json(path)
    name = following(ring["keys"], ring["current"])
    write_private_json(path, with_key(ring, name, base64.b64encode(secrets.token_bytes(32)).decode()))
    tell()
    write_private_json(path, {**read_json(path), "current": name})
    tell()
    say(f"  {name} seals from now on; {ring['current']} stays for what it has sealed and signed.")


def following(names, current):
    """The name of the next key: a number higher than any there is."""
    numbers = [int(match.group(2)) for match in map(NUMBER.match, names) if match]
    base = NUMBER.match(current)
    return f"{base.group(1) if base else 'k'}{max(numbers, default=0) + 1}"


def with_key(ring, name, key):
    return {**ring, "keys": {**ring["keys"], name: key}}


# MARK: The services' signing keys

def service_keys(layout, tell, _):
    """Each service gets a second key pair: others know it before it signs, and the first until no token of it is left."""
    known, waiting = layout.keys / "services.jwks", layout.keys / "next"
    waiting.mkdir(mode=0o700, exist_ok=True)
    entries = read_json(known)["keys"]
    for service in SERVICES:
        private = waiting / f"{service}.pem"
        if not private.exists():
            write_private(private, secrets_file.new_private_key())
        entries = with_public(entries, service, secrets_file.public_part(private))
    _write_public(known, entries)
    tell()
    for service in SERVICES:
        # In one step: whoever starts now reads either the one or the other, and both are known.
        os.replace(waiting / f"{service}.pem", layout.keys / f"{service}.pem")
    waiting.rmdir()
    tell()
    if stack.RunningStack.find(layout):
        with step("Waiting until no token of an old key is good any more"):
            time.sleep(TOKEN_SECONDS)
    _write_public(known, only_current(entries, {service: secrets_file.public_part(layout.keys / f"{service}.pem") for service in SERVICES}))
    tell()


def with_public(entries, service, part):
    """With one more public key of the service, under a name that it has not had; without effect where it is there."""
    own = [entry for entry in entries if entry["kid"].partition(".")[0] == service]
    if any(entry["x"] == part for entry in own):
        return entries
    numbers = [int(entry["kid"].partition(".")[2] or 1) for entry in own]
    return entries + [secrets_file.public_entry(f"{service}.{max(numbers, default=0) + 1}", part)]


def only_current(entries, parts):
    """Without the public keys by which nobody signs any more."""
    return [entry for entry in entries if parts[entry["kid"].partition(".")[0]] == entry["x"]]


def _write_public(path, entries):
    write_private(path, json.dumps({"keys": entries}, indent=2) + "\n")


# MARK: The key that signs the audit trail

def trail(layout, tell, options):
    path = layout.keys / "trail.json"
    document = read_json(path)
    if options.drop_former:
        if len(document["keys"]) < 2:
            raise Failure("The trail has one key only. ./penguin rotate-key trail makes another; take the former out when auditors have the new one.")
        document = {**document, "keys": document["keys"][:1]}
    else:
        document = {**document, "keys": [base64.b64encode(secrets.token_bytes(32)).decode(), *document["keys"]]}
    write_private_json(path, document)
    # Public parts of all that ever signed stay in trail.pub and `former`: what they signed stays good.
    secrets_file.make_trail_keys(layout.keys)
    tell(("audit",))
    say(f"  {len(document['keys'])} keys sign; whoever verifies needs {layout.keys / 'trail.pub'} of now.")


# MARK: Passwords of the database

def postgres(layout, tell, _):
    running = stack.RunningStack.find(layout)
    if not running:
        raise Failure("The stack is not up: the database has to be told. Start it with ./penguin up.")
    port = running.facts["ports"]["postgres"]
    pending = layout.secrets.with_name("secrets.next.json")
    adopt(layout, pending, port)
    # The superuser, then service by service: a new connection that a service opens between its change and its restart is refused, so that is short.
    for roles, names in [(("postgres",), ()), *[(tuple(f"{service}_{kind}" for kind in ("owner", "api", "worker")),
            (service,)) for service in SERVICES]]:
        known, fresh = read_json(layout.secrets), {role: secrets.token_urlsafe(24) for role in roles}
        # First to the disk: whatever dies now, somebody has the password that counts.
        write_private_json(pending, fresh)
        script = "begin;\n" + "".join(f"alter role {role} password '{word}';\n" for role, word in fresh.items()) + "commit;\n"
        Database.local(port, known["postgres"]).run(script)
        write_private_json(layout.secrets, {**known, **fresh})
        pending.unlink()
        if names:
            tell(names)


def adopt(layout, pending, port):
    """Takes over what an earlier change, which was broken off, had told the database already."""
    for role, word in read_json(pending, {}).items():
        with contextlib.suppress(Failure):
            Database(("-h", "127.0.0.1", "-p", str(port), "-U", role, "-d", DATABASE), {**os.environ, "PGPASSWORD": word}).run("select 1;")
            write_private_json(layout.secrets, {**read_json(layout.secrets), role: word})
    pending.unlink(missing_ok=True)


# MARK: Certificates of the development authority

def tls(layout, tell, _):
    for name in ("gateway", "mail"):
        (layout.certificates / f"{name}.pem").unlink(missing_ok=True)
    local = ["localhost", "127.0.0.1"]
    certificates.make(layout.authority, layout.certificates, {"gateway": local, "mail": local})
    running = stack.RunningStack.find(layout)
    if running:
        gateway.write(layout, running.facts["ports"])
        send(running.process("gateway"), signal.SIGHUP)
        say("  The gateway shows its new certificate; the mail server does from its next start on.")


KEYS = {
    "encryption": (encryption, "the root key for secrets at rest"),
    "services": (service_keys, "the keys by which services and the gateway's identities are known"),
    "trail": (trail, "the key that signs the audit trail"),
    "postgres": (postgres, "the passwords of all database roles"),
    "tls": (tls, "the certificates of gateway and mail server, by the stack's own authority"),
}


# MARK: What there is

def overview(layout):
    """A line for each secret of the folder: how old it is."""
    ring, document = read_json(layout.keys / "encryption.json", {}), read_json(layout.keys / "trail.json", {})
    days = {name: _days(path) for name, path in {
        "encryption": layout.keys / "encryption.json", "services": layout.keys / "auth.pem", "trail": layout.keys / "trail.json",
        "postgres": layout.secrets,
        "tls": layout.certificates / "gateway.pem"}.items()}
    more = {"encryption": f"{ring.get('current')} of {', '.join(ring.get('keys', {}))}",
        "trail": f"{len(document.get('keys', []))} sign, {len(document.get('former', []))} former"}
    return [f"{name:<11} {days[name]:>5} days  {KEYS[name][1]}" + (f" ({more[name]})" if name in more else "") for name in KEYS] + sealed(layout)


def sealed(layout):
    """How many values each root key has sealed, of a stack that is up: a column of sealed values is called so in every table."""
    running = stack.RunningStack.find(layout)
    if not running:
        return []
    database = Database.local(running.facts["ports"]["postgres"], read_json(layout.secrets)["postgres"])
    columns = database.run(
        "select format('select %L, split_part(%I, ''.'', 2) as key from %I.%I where %I is not null', n.nspname || '.' || c.relname || '.' || "
        "a.attname, a.attname, "
        "n.nspname, c.relname, a.attname) from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace "
        "where a.attname ~ '_sealed$' and c.relkind in ('r', 'p') and not c.relispartition and not a.attisdropped").splitlines()
    if not columns:
        return []
    rows = database.run(f"select key, count(*) from ({' union all '.join(columns)}) as v (place, key) group by key order by key").splitlines()
    return [f"{count} values are sealed under {key}" for key, count in (row.split("|") for row in rows)]


def _days(path):
    return int((time.time() - Path(path).stat().st_mtime) / 86_400) if Path(path).exists() else 0
