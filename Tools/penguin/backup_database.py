"""The database of a backup: one snapshot, in which pg_dump reads and from which the manifest's facts come."""

import json
import os
import subprocess
from dataclasses import dataclass

from penguin.layout import SERVICES
from penguin.postgres import DATABASE, binary
from penguin.processes import program
from penguin.terminal import Failure

# Where tables of ours live: the five services' own, and Nile's layout, which is Auth's.
SCHEMAS = SERVICES + ("users", "public")
TABLES = f"""
    select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ({", ".join(f"'{schema}'" for schema in SCHEMAS)}) and c.relkind in ('r', 'p')
"""
MIGRATIONS = " union all ".join(f"select '{service}', name, checksum from {service}.schema_migrations" for service in SERVICES)
FACTS = f"""
    select json_build_object('taken_at', to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'postgres', current_setting('server_version'), 'database_bytes', pg_database_size(current_database()),
        'services_connected', (select count(*) from pg_stat_activity where usename ~ '_(api|worker)$' and datname = current_database()),
        'migrations', (select json_object_agg(service, steps) from (
            select service, json_object_agg(name, checksum order by name) as steps
            from ({MIGRATIONS}) as m (service, name, checksum) group by service) s),
        'rows', json_build_object('tenants', (select count(*) from public.tenants), 'leads', (select count(*) from campaigns.leads),
            'sends', (select count(*) from delivery.sends), 'audit_entries', (select count(*) from audit.trail_events)))
"""


@dataclass(frozen=True)
class Database:
    """Where a database is and as whom to go there: that role must pass row-level security (a superuser does)."""

    # What psql, pg_dump and pg_restore take to find it: `-h … -p … -U … -d …`, or a connection string.
    arguments: tuple
    environment: dict

    @classmethod
    def local(cls, port, password, name=DATABASE):
        return cls(("-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-d", name), {**os.environ, "PGPASSWORD": password,
            "PGCONNECT_TIMEOUT": "5"})

    @classmethod
    def named(cls, text):
        """By a connection string; what it leaves out libpq takes from PGPASSWORD, PGPASSFILE and so on."""
        return cls(("-d", text), {**os.environ, "PGCONNECT_TIMEOUT": os.environ.get("PGCONNECT_TIMEOUT", "5")})

    def psql(self, *more):
        return [program("psql", "postgresql-client"), *self.arguments, "-qAtX", "-v", "ON_ERROR_STOP=1", *more]

    def run(self, script, *more):
        """Runs a script and returns what it printed."""
        result = subprocess.run(self.psql(*more), input=script, capture_output=True, text=True, env=self.environment)
        if result.returncode != 0:
            raise Failure(f"The database did not take it: {result.stderr.strip()}")
        return result.stdout.strip()


class Snapshot:
    """A transaction that sees one moment and lends it to others while it is open."""

    def __init__(self, database):
        self._database = database

    def __enter__(self):
        self._psql = subprocess.Popen(
            self._database.psql(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self._database.environment)
        self.name = self.ask(
            "begin transaction isolation level repeatable read, read only;\nset local timezone = 'UTC';\nselect pg_export_snapshot()")
        return self

    def __exit__(self, *_):
        self._psql.kill()
        self._psql.communicate()

    def ask(self, statement):
        """The one line that the statement answers."""
        try:
            self._psql.stdin.write(statement + ";\n")
            self._psql.stdin.flush()
            line = self._psql.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise Failure(f"The database did not answer: {self._psql.communicate()[1].strip()}")
        return line.rstrip("\n")

    def passes_row_security(self):
        return self.ask("select rolsuper or rolbypassrls from pg_roles where rolname = current_user") == "t"

    def facts(self):
        return json.loads(self.ask(" ".join(FACTS.split())))


def dump(database, snapshot):
    """pg_dump of everything as of the snapshot, as a process whose output is the dump."""
    command = [binary("pg_dump"), *database.arguments, "--format=custom", f"--snapshot={snapshot}", "--compress=0", "--no-sync", "--no-password"]
    command += [f"--schema={schema}" for schema in SCHEMAS]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=database.environment)
