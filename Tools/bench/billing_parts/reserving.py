"""Mails reserved a second: asked of Billing by wrk, and by pgbench of a table with nothing around it."""

import re
import subprocess
import tempfile
from pathlib import Path

from bench.billing_parts.companies import ALLOWANCE, BUSY, COMPANIES, company_sql
from penguin.postgres import DATABASE, binary, psql_environment
from penguin.processes import program
from penguin.terminal import Failure

AT_ONCE = 32
THREADS = 2
SECONDS = 8
WARM_UP = 2
SCRIPT = Path(__file__).parent / "reserve.lua"
# As little as holding a limit can do with: one row of one table, changed only if there is enough.
BARE = f"""\\set n random(:first, :last)
update bench.allowances set reserved = reserved + 1
where tenant_id = {company_sql(':n')} and used + reserved + 1 <= allowance returning reserved;
"""


def seed_bare(sql):
    sql.run(
        "create schema bench",
        """create table bench.allowances (
            tenant_id uuid primary key, allowance bigint not null, used bigint not null default 0, reserved bigint not null default 0)""",
        f"""insert into bench.allowances (tenant_id, allowance)
        select {company_sql('n')}, {ALLOWANCE} from generate_series({BUSY}, {COMPANIES}) n""",
        "analyze bench.allowances")


def bare(port, password, first, last):
    """Updates a second of the companies from `first` to `last`."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(BARE)
        script.flush()
        command = [
            binary("pgbench"), "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-n", "-M", "prepared", "-c", str(AT_ONCE), "-j", str(THREADS),
            "-D", f"first={first}", "-D", f"last={last}", "-f", script.name]
        for seconds in (WARM_UP, SECONDS):
            answer = subprocess.run(
                [*command, "-T", str(seconds), DATABASE], env={**psql_environment(password), "LC_ALL": "C"}, capture_output=True, text=True,
                cwd="/tmp")
            if answer.returncode != 0:
                raise Failure(f"pgbench could not measure: {answer.stderr.strip()[-1_000:]}")
    return read_pgbench(answer.stdout)


def read_pgbench(text):
    rate = re.search(r"^tps = ([\d.]+) \(without initial connection", text, re.MULTILINE)
    failed = re.search(r"^number of failed transactions: ([1-9]\d*)", text, re.MULTILINE)
    if not rate or failed:
        raise Failure(f"pgbench said something else than expected: {text.strip()[-500:]}")
    return float(rate.group(1))


class Reserving:
    """Callers of billing.reserveMail; every answer that counts is a row of the database."""

    def __init__(self, peer, sql):
        self._peer = peer
        self._sql = sql
        self._runs = 0

    def rate(self, first, last):
        """Mails reserved a second, one a call, of the companies from `first` to `last`."""
        for seconds in (WARM_UP, SECONDS):
            self._runs += 1
            label = f"bench{self._runs}"
            command = [
                program("wrk", "wrk"), "-t", str(THREADS), "-c", str(AT_ONCE), "-d", f"{seconds}s", "-s", str(SCRIPT), self._peer.url, "--", label,
                self._peer.token(), str(first), str(last)]
            answer = subprocess.run(command, check=True, capture_output=True, text=True, cwd="/tmp")
            answered, per_second = read_wrk(answer.stdout)
            # A refusal is an answer, too: only rows prove that mails were reserved. The last requests may have been cut off unheard.
            rows = int(self._sql.value(f"select count(*) from billing.mail_reservations where key like '{label}-%'"))
            if not answered <= rows <= answered + AT_ONCE:
                raise Failure(f"{answered} calls were answered, and {rows} mails were reserved.")
        return per_second

    def check(self):
        """The periods hold exactly what was reserved."""
        periods, rows = self._sql.value(
            """select (select sum(reserved) from billing.mail_periods), (select sum(count - used - released) from billing.mail_reservations)"""
        ).split("|")
        if periods != rows:
            raise Failure(f"The periods have {periods} mails reserved, the reservations are {rows}.")


def read_wrk(text):
    """How many requests were answered, and how many a second."""
    if bad := re.search(r"Non-2xx or 3xx responses: .*|Socket errors: .*", text):
        raise Failure(f"billing.reserveMail did not always answer: {bad.group()}.")
    answered = re.search(r"^\s+(\d+) requests in ", text, re.MULTILINE)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if not answered or not rate:
        raise Failure(f"wrk said something else than expected: {text.strip()[-500:]}")
    return int(answered.group(1)), float(rate.group(1))
