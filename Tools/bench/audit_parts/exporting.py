"""Rows a second of an export, from the request until the file is there, beside COPY TO of the same rows."""

import time

from bench.audit_parts.asking import Asker
from penguin.terminal import Failure, step

PATIENCE = 900
# What an export reads, in the order of the file.
ROWS = """select e.tenant_id, e.id, e.seq, e.workspace_id, e.occurred_at, e.recorded_at, e.type, e.source, e.action, e.outcome, e.actor_kind,
    e.actor_id, e.targets, e.request, e.trace, e.support_session, e.sd, d.actor_name, d.target_names, d.address, d.user_agent, d.changes,
    d.metadata, d.salts
from audit.trail_events e left join audit.trail_details d on d.tenant_id = e.tenant_id and d.id = e.id and d.class = e.class
where e.tenant_id = '{tenant}' and e.seq <= {size} order by e.seq"""
FORMATS = {"ndjson": "text", "csv": "csv"}


def measure(ground, company, format):
    """How many rows, ours and the peer's rows a second."""
    asker = Asker(ground, company.tenant)
    # Before and after ours: on a shared machine the peer of one moment is not that of the next.
    before = copied(ground, company, format)
    ground.sql.run("checkpoint")
    rows, ours = exported(asker, format, company.size)
    after = copied(ground, company, format)
    return rows, rows / ours, 2 * company.size / (before + after)


def exported(asker, format, size):
    """The rows of a whole trail and the seconds that they took; the acts of the one who asks are in it, too."""
    with step(f"Exporting {size} entries as {format}"):
        started = time.monotonic()
        _, export = asker.post("/api/v1/audit/exports", {"format": format})
        while export["status"] in ("queued", "running"):
            if time.monotonic() - started > PATIENCE:
                raise Failure(f"The export was not ready within {PATIENCE} s: {export['progress']}.")
            # Seldom, since looking costs the service what writing needs.
            time.sleep(0.05)
            _, export = asker.get(f"/api/v1/audit/exports/{export['id']}")
        seconds = time.monotonic() - started
    if export["status"] != "ready" or not size <= export["rows"] <= size + 10:
        raise Failure(f"The export of {size} entries is {export['status']} with {export['rows']}: {export.get('failure') or 'nothing failed'}.")
    return export["rows"], seconds


def copied(ground, company, format):
    """Seconds for COPY TO a file of the server."""
    file = ground.sql.value("select current_setting('data_directory')") + "/bench-export"
    query = ROWS.format(tenant=company.tenant, size=company.size)
    with step(f"COPY TO of {company.size} rows ({FORMATS[format]})"):
        started = time.monotonic()
        ground.sql.run(f"copy ({query}) to '{file}' with (format {FORMATS[format]})")
        return time.monotonic() - started
