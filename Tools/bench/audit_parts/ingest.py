"""Events taken in a second, from the stream to the commit, beside the same rows copied and inserted without numbers and trees."""

import os
import signal
import time

from bench.audit_parts import events
from bench.audit_parts.companies import FRESH, identifier
from bench.audit_parts.entries import TABLES
from penguin.terminal import Failure, step

BATCH = 500
ROUNDS = 2
PATIENCE = 900
# What the names of the stores are in the copies: plain tables of one month would be cheaper than what the service writes into.
COPIES = "bench"


def measure(ground, count, companies, place):
    """Both rates in events/s, of as many rounds; `place` tells one measurement's companies from another's."""
    ours = bare = 0.0
    for turn in range(ROUNDS):
        first = FRESH * (1 + place * ROUNDS + turn)
        ours += _ours(ground, count, companies, first)
        bare += _bare(ground, count, companies, first)
    return ROUNDS * count / ours, ROUNDS * count / bare


def fill(ground, company):
    """Has the service take in all entries of one company."""
    _ours(ground, company.size, 1, company.number)


def _ours(ground, count, companies, first):
    """Seconds from Audit's beginning until the last event is committed. It stands still while the stream is filled."""
    made = list(events.events(count, first, companies, first))
    pid = ground.process("audit")
    mine = f"from audit.trail_heads where tenant_id between '{identifier(first)}' and '{identifier(first + companies - 1)}'"
    with step(f"Taking in {count} events of {companies} companies"):
        os.kill(pid, signal.SIGSTOP)
        try:
            events.publish(ground.facts["ports"]["redis"], made)
            ground.sql.run("checkpoint")
        finally:
            started = time.monotonic()
            os.kill(pid, signal.SIGCONT)
        while (there := int(ground.sql.value(f"select coalesce(sum(size), 0) {mine}"))) < count:
            if time.monotonic() - started > PATIENCE:
                raise Failure(f"{there} of {count} events were taken in within {PATIENCE} s; {_refused(ground)} are in quarantine.")
            # Seldom, since looking costs the database what taking in needs.
            time.sleep(0.1)
        seconds = time.monotonic() - started
    if there != count or int(_refused(ground)):
        raise Failure(f"{count} events were published, {there} are in the trail, {_refused(ground)} in quarantine.")
    return seconds


def _refused(ground):
    return ground.sql.value("select count(*) from audit.quarantined_events")


def _bare(ground, count, companies, first):
    """Seconds for the rows that Audit made: each batch copied into temporary tables, from there into copies of the trail's, one commit a batch."""
    mine = f"e.tenant_id between '{identifier(first)}' and '{identifier(first + companies - 1)}'"
    with step(f"Copying and inserting the same {count} rows"):
        ground.sql.run(f"drop schema if exists {COPIES} cascade", f"create schema {COPIES}", *copies(ground.sql, mine), *batched(mine))
        parts = {table: _lines(ground.sql, table, columns) for table, columns in TABLES.items()}
        answer = ground.sql.script(script(parts))
    there, seconds = read(answer)
    if there != count:
        raise Failure(f"{there} of {count} rows were inserted.")
    return seconds


def copies(sql, mine):
    """Statements that make the trail's tables once more with all that they have, divided as they are: by class, then by month."""
    kept = sql.run(f"select distinct class, to_char(occurred_at at time zone 'UTC', 'YYYY_MM') from audit.trail_events e where {mine}").splitlines()
    for table in TABLES:
        yield f"create table {COPIES}.{table} (like audit.{table} including all) partition by list (class)"
        for name in sorted({line.partition("|")[0] for line in kept}):
            yield f"""create table {COPIES}.{table}_{name} partition of {COPIES}.{table} for values in ('{name}') partition by range (id)"""
        for name, _, month in (line.partition("|") for line in kept):
            day = f"{month.replace('_', '-')}-01"
            bounds = sql.value(f"select audit.trail_month_start('{day}'), audit.trail_month_start(('{day}'::date + interval '1 month')::date)")
            low, _, high = bounds.partition("|")
            yield f"create table {COPIES}.{table}_{name}_{month} partition of {COPIES}.{table}_{name} for values from ('{low}') to ('{high}')"


def batched(mine):
    """Statements that divide the rows as they came."""
    return (
        f"""create table {COPIES}.batches as
        select e.tenant_id, e.id, (row_number() over (order by e.recorded_at, e.tenant_id, e.seq) - 1) / {BATCH} as batch
        from audit.trail_events e where {mine}""",
        f"alter table {COPIES}.batches add primary key (tenant_id, id)",
        f"analyze {COPIES}.batches")


def _lines(sql, table, columns):
    """Rows as COPY writes them, by batch."""
    named = ", ".join(f"t.{column.strip()}" for column in columns.split(","))
    text = sql.run(
        f"""copy (select b.batch, {named} from {COPIES}.batches b join audit.{table} t on t.tenant_id = b.tenant_id and t.id = b.id
        order by b.batch, t.tenant_id, t.id) to stdout""")
    parts = {}
    for line in text.splitlines(keepends=True):
        batch, _, row = line.partition("\t")
        parts.setdefault(int(batch), []).append(row)
    return parts


def script(parts):
    """What psql does: `parts` are rows by table and batch."""
    clock = "select extract(epoch from clock_timestamp());\n"
    text = [f"create temp table staged_{table} (like audit.{table}) on commit delete rows;\n" for table in TABLES]
    # The generated column is made in the end, once.
    text.append("alter table staged_trail_details drop column search;\ncheckpoint;\n" + clock)
    for batch in sorted(parts["trail_events"]):
        text.append("begin;\n")
        for table, columns in TABLES.items():
            text.append(f"copy staged_{table} ({columns}) from stdin;\n".replace("\n    ", " "))
            text.extend(parts[table].get(batch, []))
            text.append("\\.\n")
        for table, columns in TABLES.items():
            text.append(f"insert into {COPIES}.{table} ({columns}) select {columns} from staged_{table} on conflict do nothing;\n")
        text.append("commit;\n")
    text.append(f"{clock}select count(*) from {COPIES}.trail_events;\n")
    return "".join(text)


def read(answer):
    """How many rows there are, and the seconds between the clock's two times."""
    lines = answer.split()
    if len(lines) != 3:
        raise Failure(f"The database said something else than expected: {answer.strip()[:500]}")
    return int(lines[2]), float(lines[1]) - float(lines[0])
