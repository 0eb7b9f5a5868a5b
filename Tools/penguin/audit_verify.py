"""Checks a company's trail: every row is hashed again from its content, up to the signed root. It shares nothing with what wrote it.

Exit status 0: clean. 1: tampered with; `first_bad` names the row. 2: incomplete, nothing can be said.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from penguin.audit_tree import BadNote, Checkpoint, Frontier, Note, canonical, digest, leaf_hash, read_keys  # noqa: E402

CLEAN, TAMPERED, INCOMPLETE = 0, 1, 2
WIDTH = 256
# How many days each class is kept, and how long a month then waits before it is dropped.
KEPT, GRACE = {"d90": 90, "y1": 366, "y7": 2557}, 30

_TIME = "to_char({} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
QUERY = f"""
\\set ON_ERROR_STOP on
\\set FETCH_COUNT 2000
begin transaction isolation level repeatable read read only;
select json_build_object('t', 'now', 'day', (now() at time zone 'UTC')::date);
select json_build_object('t', 'head', 'size', size) from audit.trail_heads where tenant_id = :'tenant';
select json_build_object('t', 'class', 'month', month, 'class', class) from audit.trail_classes where tenant_id = :'tenant';
select json_build_object('t', 'checkpoint', 'size', size, 'root', encode(root, 'hex'), 'note', note)
from audit.trail_checkpoints where tenant_id = :'tenant' order by size;
select json_build_object('t', 'tile', 'level', level, 'tile', tile, 'hashes', encode(hashes, 'hex'))
from audit.trail_tiles where tenant_id = :'tenant' order by level, tile;
select json_build_object(
    't', 'event', 'tenant_id', e.tenant_id, 'id', e.id, 'seq', e.seq, 'occurred_at', {_TIME.format("e.occurred_at")},
    'recorded_at', {_TIME.format("e.recorded_at")}, 'workspace_id', e.workspace_id, 'type', e.type, 'source', e.source, 'action', e.action,
    'outcome', e.outcome, 'actor_kind', e.actor_kind, 'actor_id', e.actor_id, 'targets', e.targets, 'request', e.request, 'trace', e.trace,
    'support_session', e.support_session, 'sd', e.sd, 'leaf', encode(e.leaf, 'hex'), 'actor_name', d.actor_name,
    'target_names', d.target_names, 'address', d.address, 'user_agent', d.user_agent, 'changes', d.changes, 'metadata', d.metadata,
    'salts', d.salts)
from audit.trail_events e
left join audit.trail_details d on d.tenant_id = e.tenant_id and d.id = e.id and d.class = e.class
where e.tenant_id = :'tenant' order by e.seq, e.id;
commit;
"""


class Bad(Exception):
    """The first thing that is not as it was written."""

    def __init__(self, kind, seq=None, identifier=None, **more):
        super().__init__(kind)
        self.found = {"kind": kind, "seq": seq, "id": identifier, **more}


class Incomplete(Exception):
    """Something that is needed to say anything is not there."""


def core(row):
    """What was hashed of a row, made from what stands in it now."""
    value = {
        "v": 1, "tenant_id": row["tenant_id"], "id": row["id"], "seq": row["seq"], "occurred_at": _time(row["occurred_at"]),
        "recorded_at": _time(row["recorded_at"]), "type": row["type"], "source": row["source"], "action": row["action"],
        "outcome": row["outcome"], "actor": {"kind": row["actor_kind"], "id": row["actor_id"]}, "targets": row["targets"], "sd": row["sd"],
    }
    value.update({name: row[name] for name in ("workspace_id", "request", "trace", "support_session") if row[name] is not None})
    return value


def _time(text):
    """Milliseconds, as they were hashed; microseconds that somebody added stay visible."""
    return (text[:-3] if text.endswith("000") else text) + "Z"


def disclosed(row):
    """The erasable fields that there are, by the names that the leaf has for them."""
    fields = {f"target.{index}.name": name for index, name in enumerate(row["target_names"] or []) if name is not None}
    for name, column in (("actor.name", "actor_name"), ("ip", "address"), ("user_agent", "user_agent")):
        if row[column] is not None:
            fields[name] = row[column]
    fields.update({name: row[name] for name in ("changes", "metadata") if row[name]})
    return fields


def check_details(seq, identifier, digests, fields, salts):
    """Each field that there is has its digest; one that is gone went with its salt. How many are gone."""
    for name in sorted(fields.keys() | salts.keys()):
        if name not in fields or name not in salts or digests.get(name) != digest(salts[name], fields[name]):
            raise Bad("details", seq, identifier, field=name)
    return len(digests.keys() - fields.keys())


class Tree:
    """What the database says of one company's tree, and what its rows make of it."""

    def __init__(self, records, keys, tenant, since=None):
        self.events, self.tiles, self.classes, self.checkpoints = [], {}, [], []
        self.head, self.today = None, None
        for record in records:
            kind = record["t"]
            if kind == "event":
                self.events.append(record)
            elif kind == "tile":
                self.tiles[record["level"], record["tile"]] = bytes.fromhex(record["hashes"])
            elif kind == "class":
                self.classes.append((date.fromisoformat(record["month"]), record["class"]))
            elif kind == "checkpoint":
                self.checkpoints.append(record)
            elif kind == "head":
                self.head = record["size"]
            elif kind == "now":
                self.today = date.fromisoformat(record["day"])
        self.keys, self.tenant, self.since = keys, tenant, since

    def check(self):
        if self.head is None and not self.events and not self.checkpoints and self.since is None:
            raise Incomplete("there is no trail of this company")
        signed = {}
        for record in self.checkpoints:
            try:
                note = Checkpoint(record["note"], self.keys)
            except (BadNote, ValueError) as error:
                raise Bad("checkpoint", record["size"], None, problem=str(error)) from None
            if note.size != record["size"] or note.root.hex() != record["root"] or not note.origin.endswith("/" + self.tenant):
                raise Bad("checkpoint", record["size"], None, problem="it signs something else")
            signed[note.size] = note.root
        if not signed:
            raise Incomplete("there is no signed checkpoint")
        size = max(signed)
        if self.since is not None:
            if signed.setdefault(self.since.size, self.since.root) != self.since.root:
                raise Bad("rewritten", self.since.size, None, problem="the checkpoint that was handed out says otherwise")
            size = max(size, self.since.size)
        return self._replay(signed, size)

    def _replay(self, signed, size):
        frontier, pruned, erased = Frontier(), 0, 0
        rows = iter(self.events)
        row = next(rows, None)
        before = None
        for seq in range(1, size + 1):
            if row is not None and row["seq"] < seq:
                raise Bad("inserted", row["seq"], row["id"])
            if row is not None and row["seq"] == seq:
                leaf = leaf_hash(canonical(core(row)).encode())
                if leaf.hex() != row["leaf"]:
                    raise Bad("row", seq, row["id"])
                if leaf != self._stored(0, seq - 1):
                    raise Bad("tile_leaf", seq, row["id"])
                erased += check_details(seq, row["id"], row["sd"], disclosed(row), row["salts"] or {})
                before, row = row, next(rows, None)
            else:
                leaf = self._stored(0, seq - 1)
                if not self._may_be_pruned(before, row):
                    raise Bad("missing" if row is not None else "truncated", seq, None)
                if leaf is None:
                    raise Incomplete(f"neither row nor tile of {seq} is there")
                pruned += 1
            for height, index, node in frontier.append(leaf):
                if height and height % 8 == 0 and self._stored(height // 8, index) != node:
                    first = (index << height) + 1
                    raise Bad("tile", first, None, last=(index + 1) << height)
            if seq in signed and frontier.root != signed[seq]:
                raise Bad("root", seq, None, problem="the signed root differs")
        if row is not None:
            raise Bad("unsigned", row["seq"], row["id"])
        if self.head != size:
            raise Bad("head", size, None, problem=f"the head says {self.head}")
        return {"size": size, "root": frontier.root.hex(), "rows": len(self.events), "pruned": pruned, "erased_fields": erased,
                "checkpoints": len(self.checkpoints)}

    def _stored(self, level, index):
        """A node as the tiles have it, or None."""
        tile = self.tiles.get((level, index // WIDTH), b"")
        start = 32 * (index % WIDTH)
        return tile[start:start + 32] if len(tile) >= start + 32 else None

    def _may_be_pruned(self, before, after):
        """Whether a month whose time is over lies between these two rows: then what was there may be gone."""
        for month, kind in self.classes:
            over = (month.replace(day=28) + timedelta(days=4)).replace(day=1) + timedelta(days=KEPT[kind] + GRACE)
            if over <= self.today and (before is None or _month(before) <= month) and (after is None or month <= _month(after)):
                return True
        return False


def _month(row):
    """The month that the identifier carries."""
    try:
        return (date(1970, 1, 1) + timedelta(milliseconds=int(row["id"].replace("-", "")[:12], 16))).replace(day=1)
    except OverflowError:
        return date.max


def check_export(lines, keys):
    """A file of lines of JSON that ends with a signed manifest: what it holds is exactly what was signed."""
    hashing, count, first, last, erased, size, manifest = hashlib.sha256(), 0, None, None, 0, Frontier(), None
    for line in lines:
        if manifest is not None:
            raise Bad("manifest", last, None, problem="something follows the manifest")
        record = json.loads(line)
        if "manifest" in record:
            manifest = record["manifest"]
            continue
        hashing.update(line)
        leaf = json.loads(record["leaf"])
        seq = leaf["seq"]
        if canonical(leaf) != record["leaf"] or (last is not None and seq <= last):
            raise Bad("row", seq, leaf["id"])
        disclosures = record["disclosures"]
        erased += check_details(
            seq, leaf["id"], leaf["sd"], {name: each["value"] for name, each in disclosures.items()},
            {name: each["salt"] for name, each in disclosures.items()})
        size.append(leaf_hash(record["leaf"].encode()))
        first, last, count = seq if first is None else first, seq, count + 1
    if manifest is None:
        raise Incomplete("the file has no manifest: it was cut")
    try:
        facts = dict(line.split(" ", 1) for line in Note(manifest, keys).text.splitlines())
    except (BadNote, ValueError) as error:
        raise Bad("manifest", None, None, problem=str(error)) from None
    found = {"count": str(count), "first_seq": str(first if first is not None else "-"), "last_seq": str(last if last is not None else "-"),
             "sha256": hashing.hexdigest()}
    for name, value in found.items():
        if facts.get(name) != value:
            raise Bad("manifest", last, None, field=name, problem=f"signed was {facts.get(name)}, found is {value}")
    whole = {"root": size.root.hex()} if first == 1 and last == count else {}
    return {"rows": count, "erased_fields": erased, "tenant": facts.get("tenant"), **whole}


def read_database(command, environment, tenant):
    """Everything of one company's tree, as one snapshot shows it."""
    process = subprocess.Popen(
        command + ["-qAtX", "-v", f"tenant={tenant}", "-f", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment, encoding="utf-8")
    # The script is short, so it is all read before psql has much to say.
    process.stdin.write(QUERY)
    process.stdin.close()
    for line in process.stdout:
        yield json.loads(line)
    problem = process.stderr.read().strip()
    if process.wait() != 0:
        raise Incomplete(problem or "the database does not answer")


def report(check):
    """Runs a check, prints what it found as JSON, gives the exit status."""
    try:
        answer, status = {"result": "clean", **check()}, CLEAN
    except Bad as bad:
        answer, status = {"result": "tampered", "first_bad": bad.found}, TAMPERED
    except (Incomplete, OSError, ValueError, KeyError) as error:
        answer, status = {"result": "incomplete", "problem": str(error) or type(error).__name__}, INCOMPLETE
    print(json.dumps(answer, indent=2))
    return status


def options(parser):
    parser.add_argument("--tenant", metavar="T", help="whose trail of the running stack; 00000000-0000-0000-0000-000000000000 is the platform's")
    parser.add_argument("--export", metavar="F", type=Path, help="check a file of lines of JSON instead, without any database")
    parser.add_argument("--key", metavar="K", help="the public keys, a line each, or a file with them (default: the stack's)")
    parser.add_argument("--since", metavar="C", type=Path, help="a checkpoint that was handed out earlier: the trail must still begin with it")
    parser.add_argument("--database", metavar="URL", help="another database than the stack's")


def run(chosen, stack_keys=None, stack_psql=None):
    """`stack_psql` gives command and environment of psql for the running stack."""
    def check():
        named = chosen.key or (str(stack_keys) if stack_keys else None)
        if named is None:
            raise Incomplete("there is no key to verify with: name one with --key")
        keys = read_keys(Path(named).read_text() if Path(named).exists() else named)
        if chosen.export:
            with open(chosen.export, "rb") as lines:
                return check_export(lines, keys)
        if not chosen.tenant:
            raise Incomplete("name a company with --tenant or a file with --export")
        since = Checkpoint(chosen.since.read_text(), keys) if chosen.since else None
        command, environment = (["psql", "-d", chosen.database], None) if chosen.database else stack_psql()
        return Tree(read_database(command, environment, chosen.tenant), keys, chosen.tenant, since).check()
    return report(check)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options(arguments)
    sys.exit(run(arguments.parse_args()))
