"""./penguin backup: the database as of one moment, keys, passwords and certificates, in one encrypted file."""

import contextlib
import json
import subprocess
import threading
import time
from pathlib import Path

from penguin import backup_file, ports
from penguin.backup_database import Database, Snapshot, dump
from penguin.layout import ROOT, Layout, read_json
from penguin.postgres import Postgres
from penguin.stack import RunningStack
from penguin.supervisor import Supervisor
from penguin.terminal import Failure, say, step

# What of a stack's folder is neither in the database nor made anew. Redis is not: what matters of it is in the outboxes and the ledger.
FILES = ("secrets.json", "ports.json", "ca.pem", "mail/users.json", "dns/zone.json")
FOLDERS = ("keys", "certificates", "tracking")


def options(command):
    command.add_argument("file", nargs="?", metavar="FILE", help="where to (default: penguinmails-<time>.backup here)")
    command.add_argument("--passphrase-file", metavar="FILE", help=f"its first line encrypts the backup (default: ${backup_file.VARIABLE})")
    command.add_argument("--database", metavar="CONNECTION", help="another database than the stack's: a connection string, as a role that passes "
        "row-level security")
    command.add_argument("--folder", metavar="FOLDER", help="with --database: where keys, secrets.json, certificates and tracking are")
    command.add_argument("--json", action="store_true", help="print the manifest as one JSON object")


def run(options):
    secret = backup_file.passphrase(options.passphrase_file)
    path = Path(options.file or time.strftime("penguinmails-%Y%m%dT%H%M%SZ.backup", time.gmtime())).absolute()
    if path.exists():
        raise Failure(f"{path} exists already; a backup never replaces another.")
    with _source(options) as (database, folder), step(f"Backing up to {path}"):
        manifest = write(database, folder, path, secret)
    if options.json:
        print(json.dumps(manifest))
    else:
        rows = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in manifest["rows"].items())
        say(f"  As of {manifest['taken_at']}: {rows}; {len(manifest['files'])} files; {path.stat().st_size:,} bytes.")
    return 0


@contextlib.contextmanager
def _source(options):
    """The database and the folder of keys: those that are named, or those of the stack of this folder. Of one that is down only Postgres is started."""
    if bool(options.database) != bool(options.folder):
        raise Failure("--database and --folder belong together: without its keys a database cannot be read.")
    if options.database:
        yield Database.named(options.database), Path(options.folder).absolute()
        return
    layout = Layout()
    passwords = read_json(layout.secrets)
    if not (passwords and layout.postgres.exists()):
        raise Failure(f"There is no stack in {layout.folder}; name a database with --database and --folder.")
    running = RunningStack.find(layout)
    if running:
        yield Database.local(running.facts["ports"]["postgres"], passwords["postgres"]), layout.folder
        return
    supervisor = Supervisor(layout)
    supervisor.acquire(heeds_signals=False)
    port = ports.claim(layout)["postgres"]
    with Postgres(layout, port, passwords).alone():
        yield Database.local(port, passwords["postgres"]), layout.folder


def write(database, folder, path, secret):
    """Makes the backup; nothing has the name `path` unless all of it is there."""
    names = files(folder)
    with Snapshot(database) as snapshot:
        if not snapshot.passes_row_security():
            raise Failure("This role sees only what row-level security shows it, so the backup would be empty. Use a superuser, or a role with "
                "BYPASSRLS.")
        facts = snapshot.facts()
        with backup_file.encrypting(path, secret) as output:
            writer = backup_file.Writer(output)
            # Keys before the data: a key that is changed meanwhile keeps the old one beside it, and the database has nothing newer.
            for name in names:
                writer.add_file(name, (folder / name).read_bytes(), (folder / name).stat().st_mode & 0o777)
            process = dump(database, snapshot.name)
            words = []
            listener = threading.Thread(target=lambda: words.append(process.stderr.read()))
            listener.start()
            try:
                size = writer.add_database(process.stdout)
            finally:
                if process.poll() is None and process.stdout.read(1):
                    process.kill()
                status = process.wait()
                listener.join()
            if status != 0:
                raise Failure(f"pg_dump failed: {words[0].decode(errors='replace').strip()}")
            return writer.finish({**facts, "program": revision()}, size)


def files(folder):
    """Paths within the folder of everything that belongs into a backup."""
    if not (folder / "keys" / "encryption.json").is_file():
        raise Failure(f"There are no keys in {folder}.")
    found = [name for name in FILES if (folder / name).is_file()]
    for name in FOLDERS:
        found += [str(path.relative_to(folder)) for path in sorted((folder / name).rglob("*")) if path.is_file() and path.suffix != ".partial"]
    return found


def revision():
    """What made the backup, as far as the sources say it."""
    result = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--tags"], capture_output=True, text=True)
    return result.stdout.strip() if result.returncode == 0 else "unknown"
