"""./penguin restore: a backup into an empty cluster, so that everything goes on from there and no mail that may have gone out goes out again."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import threading
from datetime import datetime, timezone
from pathlib import Path

from penguin import backup, backup_file, ports, secrets_file, uncertain
from penguin.backup_database import CONNECTED, SCHEMAS, TABLES, Database
from penguin.layout import ROOT, SERVICES, Layout, read_json
from penguin.postgres import BOOTSTRAP, Postgres, binary
from penguin.supervisor import Supervisor
from penguin.terminal import Failure, say, step, table

AFTERWARDS = ROOT / "Tools" / "postgres" / "restored.sql"
SEQUENCES = """
    select json_build_array(q.tenant_id, q.campaign_id, q.version, q.steps) from campaigns.campaign_sequences q
    join campaigns.campaigns c on c.tenant_id = q.tenant_id and c.id = q.campaign_id and c.status in ('scheduled', 'active', 'paused')
"""
SHARED_STEP = re.compile(r"m0000_house|m\d{4}_repeated_headers")
TOLD = {
    "mails_held": "mails held: they may have gone out since the backup",
    "mails_to_be_held": "mails that will be held when their turn comes",
    "campaigns_paused": "campaigns paused: they were still enrolling",
    "campaigns_unscheduled": "scheduled campaigns made drafts: they may have started",
    "companies_no_longer_resending": "companies whose mail of unknown fate was sent again by itself, and is held now",
    "sessions_ended": "sessions ended: one that was signed out since would live again",
    "support_sessions_ended": "support sessions ended",
}


def options(command):
    command.add_argument("file", nargs="?", metavar="FILE", help="what ./penguin backup wrote")
    command.add_argument(
        "--hold-since", metavar="TIME", help="restore nothing: hold what a database, brought back to that instant by other means, does not know of")
    command.add_argument("--passphrase-file", metavar="FILE", help=f"its first line decrypts the backup (default: ${backup_file.VARIABLE})")
    command.add_argument("--check", action="store_true", help="only read it all, hold it against its manifest, and show that")
    command.add_argument(
        "--sent-until", metavar="TIME", default="now",
        help="the last instant at which the lost stack may have sent mail: now (default), 2026-11-28T14:05:00Z, or `backup` where nothing was sent "
        "after it")
    command.add_argument("--database", metavar="CONNECTION", help="another database than the stack's: a connection string, as a superuser; it must "
        "have no tables of ours")
    command.add_argument("--folder", metavar="FOLDER", help="with --database: where keys, secrets.json, certificates and tracking go")
    command.add_argument("--json", action="store_true", help="print what was found and done as one JSON object")


def run(options):
    if bool(options.file) == bool(options.hold_since):
        raise Failure("Name either a backup or, with --hold-since, the instant to which the database was brought back.")
    return _hold_only(options) if options.hold_since else _restore(options)


def _hold_only(options):
    """Of point-in-time recovery and the like: what a restore does at its end, for a database in which nobody works yet."""
    now = datetime.now(timezone.utc)
    taken = sent_until(options.hold_since, "0001-01-01T00:00:00Z", now)
    until = sent_until(options.sent_until, taken, now)
    with backup.source(options) as (database, _), step("Holding what may have happened since"):
        if database.run(CONNECTED + ";") != "0":
            raise Failure("Services are at work in this database. Stop them first: what they send now is not held.")
        report = _hold(database, taken, until, holds=True)
    if options.json:
        print(json.dumps({"taken_at": taken, "sent_until": until, "done": report}))
    else:
        say(table([(f"{number:,}", TOLD[name]) for name, number in report.items()]))
    return 0


def _restore(options):
    secret = backup_file.passphrase(options.passphrase_file)
    path = Path(options.file).absolute()
    if not path.is_file():
        raise Failure(f"There is no file {path}.")
    if bool(options.database) != bool(options.folder):
        raise Failure("--database and --folder belong together: without its keys a database cannot be read.")
    with step(f"Reading {path.name} and holding it against its manifest"):
        files = {}
        with backup_file.decrypting(path, secret) as stream:
            manifest = backup_file.read(stream, on_file=files.__setitem__)
    if options.check:
        print(json.dumps(manifest, indent=None if options.json else 2))
        return 0
    unknown = unknown_migrations(manifest["migrations"], known_migrations())
    if unknown:
        raise Failure(f"The backup was made by a later version of this program: it has {', '.join(unknown)}. Restore it with that version.")
    until = sent_until(options.sent_until, manifest["taken_at"], datetime.now(timezone.utc))
    # After a move nothing can have gone out twice, and whatever was due is simply due.
    holds = options.sent_until != "backup"
    if not holds and manifest["services_connected"]:
        raise Failure("Services were at work when the backup was made, so mail may have gone out after it. Leave --sent-until out, or name an instant.")
    if options.database:
        report = _into_named(Database.named(options.database), Path(options.folder).absolute(), manifest, files, path, secret, until, holds)
    else:
        report = _into_stack(Layout(), manifest, files, path, secret, until, holds)
    if options.json:
        print(json.dumps({"manifest": manifest, "sent_until": until, "done": report}))
    else:
        say(f"  Restored as of {manifest['taken_at']}" + (f"; mail that was due until {until} is not sent again by itself." if holds else "."))
        say(table([(f"{number:,}", TOLD[name]) for name, number in report.items()]))
        say("  What to do now stands in docs/operations.md, “After a restore”.")
    return 0


def sent_until(given, taken, now):
    """The instant as text; fails when it lies before the backup or when nobody can read it."""
    if given == "backup":
        return taken
    try:
        instant = now if given == "now" else datetime.fromisoformat(given.replace("Z", "+00:00"))
    except ValueError:
        raise Failure(f"{given} is no instant; write it as 2026-11-28T14:05:00Z.") from None
    if instant.tzinfo is None:
        raise Failure(f"{given} has no zone; write it as {given}Z if it is in UTC.")
    if instant < datetime.fromisoformat(taken.replace("Z", "+00:00")):
        raise Failure(f"The backup was taken at {taken}, which is later than {given}.")
    return instant.astimezone(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def known_migrations():
    """Service → name → checksum, of the sources beside this program."""
    return {
        service: {path.stem: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (ROOT / "Services" / service.capitalize() / "Migrations").glob("*.sql")}
        for service in SERVICES}


def unknown_migrations(had, known):
    """What a backup's schema had that these sources do not have, or have otherwise. The steps of what all services share are in no file."""
    return [
        f"{service} {name}" for service, steps in had.items() for name, checksum in steps.items()
        if not SHARED_STEP.fullmatch(name) and known.get(service, {}).get(name) != checksum]


def _into_stack(layout, manifest, files, path, secret, until, holds):
    """Into the folder of a stack that has none yet; a restore that fails leaves it as it was."""
    taken = [place for place in (layout.postgres, layout.secrets, layout.keys / "encryption.json", layout.redis / "appendonlydir")
        if os.path.lexists(place)]
    if taken:
        raise Failure(f"{layout.folder} is not empty: it has {', '.join(place.name for place in taken)}. PENGUIN_LOCAL names another folder.")
    layout.make()
    supervisor = Supervisor(layout)
    supervisor.acquire(heeds_signals=False)
    layout.restoring.touch()
    try:
        _write(layout.folder, files, manifest)
        passwords, claimed = secrets_file.passwords(layout.secrets), ports.claim(layout)
        database = Database.local(claimed["postgres"], passwords["postgres"])
        with Postgres(layout, claimed["postgres"], passwords).alone():
            report = _load(database, passwords, manifest, path, secret, until, holds)
    except BaseException:
        _undo(layout, files)
        raise
    layout.restoring.unlink()
    return report


def _into_named(database, folder, manifest, files, path, secret, until, holds):
    if any((folder / name).exists() for name in files):
        raise Failure(f"{folder} has keys already; name an empty one.")
    if database.run(TABLES + ";") != "0":
        raise Failure("The database is not empty; a restore writes over nothing.")
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder, files, manifest)
    passwords = read_json(folder / "secrets.json", {})
    database.run(secrets_file.role_passwords(passwords) + f"\\i '{BOOTSTRAP}'\n")
    return _load(database, passwords, manifest, path, secret, until, holds)


def _write(folder, files, manifest):
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        target.chmod(int(manifest["files"][name]["mode"], 8))


def _load(database, passwords, manifest, path, secret, until, holds):
    with step(f"Loading {manifest['database_bytes'] / 2**20:,.0f} MB of database"):
        # The roles are there; the schemas come with the backup, with all that they grant.
        database.run("".join(f"drop schema if exists {schema} cascade;\n" for schema in SCHEMAS))
        _pg_restore(database, path, secret)
        database.run(secrets_file.role_passwords(passwords) + f"\\i '{BOOTSTRAP}'\n\\q\n")
        database.run("vacuum analyze;")
    with step("Holding what may have happened since the backup"):
        return _hold(database, manifest["taken_at"], until, holds)


def _hold(database, taken, until, holds):
    sequences = [json.loads(line) for line in database.run(SEQUENCES + ";").splitlines()]
    variables = f"\\set until '{until}'\n\\set taken '{taken}'\n\\set holds {str(holds).lower()}\n"
    return json.loads(database.run(f"{uncertain.table(sequences)}{variables}begin;\n\\i '{AFTERWARDS}'\ncommit;\n").splitlines()[-1])


def _pg_restore(database, path, secret):
    command = [binary("pg_restore"), *database.arguments, "--single-transaction", "--exit-on-error", "--no-password"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=database.environment)
    words = []
    listener = threading.Thread(target=lambda: words.append(process.stderr.read()))
    listener.start()
    broken = False
    try:
        with backup_file.decrypting(path, secret) as stream, contextlib.suppress(BrokenPipeError):
            try:
                backup_file.read(stream, on_piece=process.stdin.write)
            except BrokenPipeError:
                broken = True
    finally:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        status = process.wait()
        listener.join()
    if status != 0 or broken:
        raise Failure(f"pg_restore failed: {words[0].decode(errors='replace').strip()}")


def _undo(layout, files):
    """Takes away what a restore that failed has made."""
    data = layout.postgres.resolve()
    if layout.postgres.is_symlink():
        layout.postgres.unlink()
    shutil.rmtree(data, ignore_errors=True)
    for name in files:
        (layout.folder / name).unlink(missing_ok=True)
    layout.secrets.unlink(missing_ok=True)
    layout.ports.unlink(missing_ok=True)
    layout.restoring.unlink(missing_ok=True)
