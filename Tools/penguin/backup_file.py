"""One file that holds a backup: a tar, encrypted by GnuPG with a passphrase, so that `gpg --decrypt FILE | tar -t` reads it without this program.

Members, in this order: `files/…`, `database/000000` and on (what pg_dump wrote, in pieces, so that it never lies on a disk in the clear),
`manifest.json`. The manifest comes last because it has the sum of everything before it; a file that was cut short has none.
"""

import contextlib
import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path

from penguin.processes import program
from penguin.terminal import Failure

FORMAT = 1
PIECE = 16 * 2**20
# More than any of our files besides the database has; a manifest of a whole platform has some kilobytes.
LARGEST_FILE = 64 * 2**20
SHORTEST_PASSPHRASE = 12
VARIABLE = "PENGUIN_BACKUP_PASSPHRASE"


def passphrase(file):
    """What the file or the environment says; the last line break is no part of it."""
    given = Path(file).read_text().rstrip("\r\n") if file else os.environ.get(VARIABLE, "")
    if not given:
        raise Failure(f"A backup holds every key, so it is encrypted: name a file with a passphrase (--passphrase-file) or set {VARIABLE}.")
    if "\n" in given or len(given) < SHORTEST_PASSPHRASE:
        raise Failure(f"The passphrase must be one line of at least {SHORTEST_PASSPHRASE} characters.")
    return given


class Writer:
    """Writes the members of a backup in order; `finish` adds the manifest."""

    def __init__(self, output):
        self._tar = tarfile.open(fileobj=output, mode="w|", format=tarfile.PAX_FORMAT)
        self._files = {}

    def add_file(self, name, content, mode):
        """A small file, by its path within the folder of the stack."""
        self._add(f"files/{name}", content, mode)
        self._files[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "mode": f"{mode:04o}"}

    def add_database(self, stream):
        """Everything that `stream` gives, in pieces; returns its size and sum."""
        total, number, digest = 0, 0, hashlib.sha256()
        while piece := _read(stream, PIECE):
            self._add(f"database/{number:06d}", piece, 0o600)
            digest.update(piece)
            total, number = total + len(piece), number + 1
        return {"bytes": total, "pieces": number, "sha256": digest.hexdigest()}

    def finish(self, facts, database):
        manifest = {"format": FORMAT, **facts, "database": database, "files": self._files}
        self._add("manifest.json", json.dumps(manifest, indent=2).encode(), 0o600)
        self._tar.close()
        return manifest

    def _add(self, name, content, mode):
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(content), mode
        self._tar.addfile(member, io.BytesIO(content))


def read(stream, on_file=lambda name, content: None, on_piece=lambda content: None):
    """Reads a whole backup and returns its manifest; fails unless everything in it has the sums that the manifest says."""
    files, number, total, digest, manifest = {}, 0, 0, hashlib.sha256(), None
    try:
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                if manifest is not None or not member.isreg():
                    raise Failure(f"The backup holds {member.name}, which does not belong there.")
                if member.size > max(PIECE, LARGEST_FILE):
                    raise Failure(f"{member.name} of the backup is larger than any that was ever written.")
                content = tar.extractfile(member).read()
                kind, _, name = member.name.partition("/")
                if kind == "files":
                    files[_safe(name)] = hashlib.sha256(content).hexdigest()
                    on_file(name, content)
                elif member.name == f"database/{number:06d}":
                    digest.update(content)
                    number, total = number + 1, total + len(content)
                    on_piece(content)
                elif member.name == "manifest.json":
                    manifest = json.loads(content)
                else:
                    raise Failure(f"The backup holds {member.name}, which does not belong there.")
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise Failure(f"The backup cannot be read: {error}") from None
    _check(manifest, files, {"bytes": total, "pieces": number, "sha256": digest.hexdigest()})
    return manifest


def _check(manifest, files, database):
    if manifest is None:
        raise Failure("The backup has no end: it was cut short.")
    if manifest.get("format") != FORMAT:
        raise Failure(f"The backup has the format {manifest.get('format')}; this program reads {FORMAT}.")
    if manifest["database"] != database:
        raise Failure("The database in the backup is not what its manifest says.")
    wrong = {name for name, known in manifest["files"].items() if files.get(name) != known["sha256"]} | (files.keys() - manifest["files"].keys())
    if wrong:
        raise Failure(f"These files in the backup are not what its manifest says: {', '.join(sorted(wrong))}")


def _safe(name):
    """A path that stays within the folder into which it is written."""
    parts = Path(name).parts
    if not parts or name.startswith("/") or ".." in parts:
        raise Failure(f"The backup holds a file with the path {name}.")
    return name


def _read(stream, size):
    """As many bytes as there are, up to `size`: a pipe gives them a few at a time."""
    parts, left = [], size
    while left and (part := stream.read(left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


@contextlib.contextmanager
def encrypting(path, secret):
    """A stream into a new file that only its owner may read; it has its name only when everything is in it and on the disk."""
    partial = path.with_name(path.name + ".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as output:
            arguments = ["--symmetric", "--cipher-algo", "AES256", "--s2k-digest-algo", "SHA512", "--s2k-count", "65011712", "--compress-algo",
                "zlib", "-z", "6"]
            with _gpg(arguments, secret, stdin=subprocess.PIPE, stdout=output) as process:
                yield process.stdin
            os.fsync(output.fileno())
        # A name that is taken meanwhile is not overwritten.
        os.link(partial, path)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def decrypting(path, secret):
    """A stream of what is in the file."""
    with open(path, "rb") as content, _gpg(["--decrypt"], secret, stdin=content, stdout=subprocess.PIPE) as process:
        yield process.stdout


@contextlib.contextmanager
def _gpg(arguments, secret, stdin, stdout):
    # A home of its own: nobody's keys and settings take part. The passphrase goes through a pipe, where no list of processes shows it.
    with tempfile.TemporaryDirectory(prefix="penguin-gpg-") as home, tempfile.TemporaryFile() as errors:
        receiver, sender = os.pipe()
        command = [program("gpg", "gpg"), "--batch", "--quiet", "--no-options", "--homedir", home, "--pinentry-mode", "loopback"]
        command += ["--no-symkey-cache", "--passphrase-fd", str(receiver), *arguments]
        process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=errors, pass_fds=[receiver])
        os.close(receiver)
        os.write(sender, secret.encode() + b"\n")
        os.close(sender)
        failure = None
        try:
            yield process
        except (BrokenPipeError, Failure) as error:
            failure = error
        except BaseException:
            process.kill()
            raise
        finally:
            for end in (process.stdin, process.stdout):
                with contextlib.suppress(BrokenPipeError):
                    if end:
                        end.close()
            status = process.wait()
        errors.seek(0)
        words = errors.read().decode(errors="replace").strip()
        if "Bad session key" in words:
            raise Failure("The passphrase is wrong.")
        if isinstance(failure, Failure):
            raise failure
        if failure or status != 0:
            raise Failure(f"gpg failed: {words or failure}")
