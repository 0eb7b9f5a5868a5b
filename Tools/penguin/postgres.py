"""A private Postgres cluster: its own data folder, loopback only, a password for every role."""

import contextlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from hashlib import sha256
from pathlib import Path

from penguin.component import Component
from penguin.layout import ROOT
from penguin.processes import program
from penguin.secrets_file import role_passwords
from penguin.terminal import Failure

DATABASE = "penguinmails"
BOOTSTRAP = ROOT / "Tools" / "postgres" / "bootstrap.sql"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # A socket's path may have 107 bytes, a clone's folder more; TCP with passwords needs none.
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "128MB",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": "off",
}


class Postgres:
    """The cluster of one stack."""

    def __init__(self, layout, port, passwords):
        self._layout = layout
        self._port = port
        self._passwords = passwords
        # Postgres refuses to run as root: there it runs as the user that Debian's package made.
        self._user = "postgres" if os.getuid() == 0 else None

    def component(self):
        """Makes the cluster if there is none yet."""
        folder = self._folder()
        if not (folder / "data" / "PG_VERSION").exists():
            self._initialise(folder)
        data = folder / "data"
        version = (data / "PG_VERSION").read_text().strip()
        command = [binary("postgres", version), "-D", str(data), "-p", str(self._port)]
        for name, value in SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        return Component(
            "postgres", command, self._layout.log("postgres"), missing=lambda _: self._missing(data), user=self._user, folder=folder,
            start_seconds=120, stop_signal=signal.SIGINT, stop_seconds=60, prepare=self._bootstrap)

    @contextlib.contextmanager
    def alone(self):
        """The cluster without a supervisor, while something is done with it."""
        component = self.component()
        component.start()
        try:
            deadline = time.monotonic() + component.start_seconds
            while (missing := component.missing(component)) is not None:
                if component.has_ended() or time.monotonic() > deadline:
                    raise Failure(f"Postgres does not start: {missing}")
                time.sleep(0.05)
            component.prepare()
            yield
        finally:
            component.process.send_signal(component.stop_signal)
            # What was loaded has to get to the disk first, which may take a while.
            component.process.wait(10 * component.stop_seconds)

    def _folder(self):
        """The folder of the cluster, which the user that runs it can get at."""
        folder = self._layout.postgres
        if self._user is None:
            folder.mkdir(mode=0o700, exist_ok=True)
            return folder
        account = pwd.getpwnam(self._user)
        if not _is_reachable(folder.parent):
            folder = self._folder_elsewhere(folder, account)
        folder.mkdir(mode=0o700, exist_ok=True)
        os.chown(folder, account.pw_uid, account.pw_gid)
        return folder

    def _folder_elsewhere(self, link, account):
        """For a clone in a home folder that only root may enter: the data live beside, and a link leads to them."""
        folder = Path("/var/tmp") / f"penguinmails-{sha256(str(link).encode()).hexdigest()[:12]}"
        if link.exists() and not link.is_symlink():
            raise Failure(f"The user {account.pw_name} cannot get at {link}. Remove .local to start afresh.")
        if os.path.lexists(folder) and (folder.is_symlink() or folder.stat().st_uid not in (0, account.pw_uid)):
            raise Failure(f"{folder} belongs to somebody else; remove it.")
        if not link.is_symlink():
            # The data of a .local that is gone: nobody knows their passwords any more.
            shutil.rmtree(folder, ignore_errors=True)
            link.symlink_to(folder)
        return folder

    def _initialise(self, folder):
        password = folder / "password"
        password.write_text(self._passwords["postgres"] + "\n")
        if self._user:
            account = pwd.getpwnam(self._user)
            os.chown(password, account.pw_uid, account.pw_gid)
        password.chmod(0o600)
        # Made beside and renamed: an interrupted start leaves no half of a cluster.
        partial = folder / "partial"
        self._run(["rm", "-rf", str(partial)], folder)
        self._run(
            [binary("initdb"), "-D", str(partial), "-U", "postgres", "--auth=scram-sha-256", f"--pwfile={password}"]
            + ["--encoding=UTF8", "--locale=C.UTF-8"], folder)
        password.unlink()
        partial.rename(folder / "data")

    def _run(self, command, folder):
        identity = {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": []} if self._user else {}
        result = subprocess.run(command, capture_output=True, text=True, cwd=folder, **identity)
        if result.returncode != 0:
            raise Failure(f"{Path(command[0]).name} failed: {(result.stderr or result.stdout).strip()}")

    def _missing(self, data):
        result = self._psql("postgres", ["-Atc", "show data_directory"])
        if result.returncode != 0:
            return result.stderr.strip() or "it does not answer"
        if Path(result.stdout.strip()) != data:
            return f"another Postgres answers on port {self._port}"
        return None

    def _bootstrap(self):
        """Makes database, roles and schemas; without effect where they exist."""
        found = self._psql("postgres", ["-Atc", f"select 1 from pg_database where datname = '{DATABASE}'"])
        if found.stdout.strip() != "1":
            self._check(self._psql("postgres", ["-c", f"create database {DATABASE}"]))
        self._check(self._psql(DATABASE, ["-f", "-"], role_passwords(self._passwords) + f"\\i '{BOOTSTRAP}'\n"))

    def _check(self, result):
        if result.returncode != 0:
            raise Failure(f"The database could not be prepared: {result.stderr.strip()}")

    def _psql(self, database, arguments, text=None):
        return subprocess.run(
            psql_command(self._port, "postgres", database) + ["-qX", "-v", "ON_ERROR_STOP=1"] + arguments, input=text, capture_output=True,
            text=True, env=psql_environment(self._passwords["postgres"]))


def psql_command(port, role, database=DATABASE):
    return [program("psql", "postgresql-client"), "-h", "127.0.0.1", "-p", str(port), "-U", role, "-d", database]


def psql_environment(password):
    return {**os.environ, "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "3"}


def binary(name, version=None):
    """A server program of Postgres: Debian keeps each major version apart, outside of PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*"), key=lambda path: float(path.name) if path.name.isdigit() else 0, reverse=True)
    for folder in versions:
        if (folder / "bin" / name).exists() and version in (None, folder.name):
            return str(folder / "bin" / name)
    if version is not None and versions:
        raise Failure(
            f"The data in .local/postgres belong to Postgres {version}, which is not installed. "
            f"Install postgresql-{version}, or remove .local to start afresh.")
    return program(name, "postgresql")


def _is_reachable(folder):
    """Whether every user may pass through to `folder`."""
    return all(path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents))
