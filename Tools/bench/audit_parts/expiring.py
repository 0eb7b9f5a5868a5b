"""A month whose time is over, dropped as the service drops it, beside DELETE of the same rows from plain tables with the same indexes."""

import time

from bench.audit_parts.entries import LAPSED, TABLES, without_words
from penguin.terminal import Failure, step


def measure(ground):
    """How many entries, and the seconds of the drop and of the deletion."""
    suffix = "_d90_" + ground.sql.value(f"select to_char({LAPSED}, 'YYYY_MM')")
    rows = int(ground.sql.value(f"select count(*) from audit.trail_events{suffix}"))
    if not rows:
        raise Failure("The month that is to be dropped is empty: the service's own sweeper was there before.")
    with step(f"Copying {rows} entries into plain tables"):
        ground.sql.run("drop schema if exists bench cascade", "create schema bench")
        for table in TABLES:
            ground.sql.run(f"create table bench.{table} (like audit.{table} including all)")
        with without_words(ground.sql, "bench.trail_details"):
            for table, columns in TABLES.items():
                ground.sql.run(f"insert into bench.{table} ({columns}) select {columns} from audit.{table}{suffix}")
        ground.sql.run(*(f"vacuum analyze bench.{table}" for table in TABLES), "checkpoint")
    with step(f"Deleting {rows} entries"):
        started = time.monotonic()
        # In one transaction, as the drop is.
        ground.sql.run("; ".join(f"delete from bench.{table}" for table in TABLES))
        deleted = time.monotonic() - started
    ground.sql.run("checkpoint")
    with step(f"Dropping {rows} entries"):
        statements = retirement(ground.sql.value("select to_regclass('audit.trail_pruned') is not null") == "t")
        worker = ground.psql("audit_worker")
        started = time.monotonic()
        gone = worker.run("; ".join(statements)).split()[-1]
        dropped = time.monotonic() - started
    if int(gone) != rows or ground.sql.value(f"select to_regclass('audit.trail_events{suffix}') is null") != "t":
        raise Failure(f"{gone} of {rows} entries were dropped.")
    return rows, dropped, deleted


def retirement(is_noted):
    """What the service does in one transaction; `is_noted` where each company is left a signed note of what went. Here nobody signs."""
    note = f"""insert into audit.trail_pruned (tenant_id, id, class, month, count, note, at)
        select tenant_id, gen_random_uuid(), 'd90', {LAPSED}, entries, 'a benchmark''s note', now() from audit.trail_retirement('d90', {LAPSED})"""
    return ([note] if is_noted else []) + [f"select audit.trail_retire_month('d90', {LAPSED})"]
