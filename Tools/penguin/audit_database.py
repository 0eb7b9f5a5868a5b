"""Everything of one company's tree, as one snapshot of the database shows it; psql reads it, one line of JSON a record."""

import re
import subprocess
import tempfile
import uuid

from penguin.audit_findings import Bad, Incomplete
from penguin.audit_json import Malformed, load

# A pruning of very many ranges is the longest that the service writes.
LONGEST = 1 << 26
_KINDS = {"head": "head", "checkpoint": "checkpoint", "pruned": "pruning", "tile": "tile", "targets": "targets", "event": "row"}
# Whole and unlike each other: a year before Christ must not look like one after.
_TIME = "to_char({0} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US') || case when {0} < '0001-01-02 00:00Z' then ' BC' else '' end"
# Rows come last, so that they need not be kept; what names a record comes first in it, before what anybody wrote. Before a table has statistics
# a loop within a loop was planned, and took minutes. Keys of targets are gathered in one go for the same reason: to look each up took thirty times
# as long. Which belong to no entry at all only their number tells.
QUERY = f"""
\\set ON_ERROR_STOP on
\\set FETCH_COUNT 2000
\\encoding UTF8
begin transaction isolation level repeatable read read only;
set local search_path = pg_catalog, pg_temp;
set local nile.tenant_id = :'tenant';
set local enable_nestloop = off;
select json_build_object('t', 'head', 'size', size, 'frontier', encode(frontier, 'hex')) from audit.trail_heads where tenant_id = :'tenant';
select json_build_object('t', 'checkpoint', 'seq', size, 'size', size, 'root', encode(root, 'hex'), 'note', note)
from audit.trail_checkpoints where tenant_id = :'tenant' order by size;
select json_build_object('t', 'pruned', 'id', id, 'class', class, 'month', month, 'count', count, 'note', note)
from audit.trail_pruned where tenant_id = :'tenant' order by id;
select json_build_object('t', 'tile', 'level', level, 'tile', tile, 'hashes', encode(hashes, 'hex'))
from audit.trail_tiles where tenant_id = :'tenant' order by level, tile;
select json_build_object('t', 'targets', 'count', count(*)) from audit.trail_targets where tenant_id = :'tenant';
select json_build_object(
    't', 'event', 'seq', e.seq, 'id', e.id, 'tenant_id', e.tenant_id, 'occurred_at', {_TIME.format("e.occurred_at")},
    'recorded_at', {_TIME.format("e.recorded_at")}, 'workspace_id', e.workspace_id, 'type', e.type, 'source', e.source, 'action', e.action,
    'outcome', e.outcome, 'actor_kind', e.actor_kind, 'actor_id', e.actor_id, 'targets', e.targets, 'request', e.request, 'trace', e.trace,
    'support_session', e.support_session, 'sd', e.sd, 'leaf', encode(e.leaf, 'hex'), 'actor_name', d.actor_name,
    'target_names', d.target_names, 'address', d.address, 'user_agent', d.user_agent, 'changes', d.changes, 'metadata', d.metadata,
    'salts', d.salts, 'words', d.words, 'target_keys', coalesce(k.keys, '{{}}'))
from audit.trail_events e
left join audit.trail_details d on d.tenant_id = e.tenant_id and d.id = e.id and d.class = e.class
left join (
    select t.id, t.class, array_agg(t.target order by t.target collate "C") as keys from audit.trail_targets t
    where t.tenant_id = :'tenant' group by t.id, t.class) k on k.id = e.id and k.class = e.class
where e.tenant_id = :'tenant' order by e.seq, e.id;
commit;
"""


def company(text):
    """A company's identifier as the trail writes it."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise Incomplete("a company is named by its UUID") from None


def parse(line):
    """One record; what cannot be read is bad, by the name that it begins with."""
    try:
        if len(line) > LONGEST:
            raise Malformed("it is longer than anything in a trail")
        record = load(line)
        if not isinstance(record, dict) or record.get("t") not in _KINDS:
            raise Malformed("it is no record")
        return record
    except Malformed as error:
        found = re.match(rb'\{"t" : "([a-z]+)"(?:, "seq" : (-?[0-9]{1,19}))?(?:, "id" : "([0-9a-f-]{36})")?[,}]', line)
        kind, seq, identifier = found.groups() if found else (b"", None, None)
        raise Bad(_KINDS.get(kind.decode(), "row"), seq and int(seq), identifier and identifier.decode(), problem=str(error)) from None


def read(command, environment, tenant):
    """Yields the records as psql gives them; a reader who stops early ends it."""
    with tempfile.TemporaryFile() as script, tempfile.TemporaryFile() as said:
        script.write(QUERY.encode())
        script.seek(0)
        with subprocess.Popen(
                command + ["-qAtX", "-v", f"tenant={tenant}", "-f", "-"], stdin=script, stdout=subprocess.PIPE, stderr=said,
                env=environment) as process:
            try:
                while line := process.stdout.readline(LONGEST + 1):
                    yield parse(line)
                status = process.wait()
            finally:
                process.kill()
        said.seek(0)
        if status != 0:
            raise Incomplete(said.read(4_096).decode(errors="replace").strip() or "the database does not answer")
