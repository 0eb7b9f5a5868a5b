"""Who is in the trail: how many entries each company has, how long it keeps them, how its tree ends."""

import base64
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from penguin.audit_tree import root_of
from penguin.secrets_file import verifier_key
from penguin.terminal import Failure

COMPANIES = 200
# A tile of the tree. A size in whole tiles needs none of them to go on: the next entry begins one.
TILE = 256
# The months that have entries, this one included.
MONTHS = 15
FEWEST = 50_000
# Everybody's entries and classes by the rest of their number; the days that they go back.
CLASSES = ("d90", "y7", "y1")
DAYS = {"d90": 88, "y1": 360, "y7": 30 * (MONTHS - 1)}
# The largest company, which searches, and the one beside them that takes its trail away.
SEARCHER = 1
EXPORTER = 301
# Those whose month is dropped, and those whose events are taken in: from these numbers on.
RETIRED = 401
FRESH = 1_000
EXPORTED = 250_000


@dataclass(frozen=True)
class Company:
    """A company with its entries; `size` is in whole tiles."""

    number: int
    size: int
    kept: str

    @property
    def tenant(self):
        return identifier(self.number)


def identifier(number):
    return f"00000000-0000-4000-8000-{number:012d}"


def all_of(rows):
    """Two hundred companies with the sizes of Zipf, the largest first, and the one that exports."""
    if rows < FEWEST:
        raise Failure(f"Fewer than {FEWEST} entries measure nothing: take --rows {FEWEST} or more.")
    whole = sum(1 / number for number in range(1, COMPANIES + 1))
    made = [Company(number, tiles(rows / number / whole), CLASSES[number % len(CLASSES)]) for number in range(1, COMPANIES + 1)]
    return made + [Company(EXPORTER, tiles(min(EXPORTED, rows // 10)), "y7")]


def tiles(rows):
    """The nearest number in whole tiles, one at least."""
    return max(1, round(rows / TILE)) * TILE


class Signer:
    """Signs the ends of trees with the stack's key, so that the service goes on from them."""

    def __init__(self, file):
        document = json.loads(Path(file).read_text())
        self._name, self._seed = document["name"], base64.b64decode(document["keys"][0])
        self._identifier = bytes.fromhex(verifier_key(self._name, self._seed).split("+")[1])

    def note(self, tenant, size, root):
        text = f"{self._name}/{tenant}\n{size}\n{base64.b64encode(root).decode()}\n"
        with tempfile.TemporaryDirectory() as folder:
            key, content = Path(folder) / "key", Path(folder) / "text"
            key.write_bytes(bytes.fromhex("302e020100300506032b657004220420") + self._seed)
            content.write_text(text)
            signature = subprocess.run(
                ["openssl", "pkeyutl", "-sign", "-keyform", "DER", "-inkey", key, "-rawin", "-in", content], check=True, capture_output=True).stdout
        return f"{text}\n\u2014 {self._name} {base64.b64encode(self._identifier + signature).decode()}\n"


def settled(company, signer):
    """Statements that make the tree's end, its signed states and what the company's plan keeps; the hashes are of nothing, but signed."""
    tenant, last = f"'{company.tenant}'::uuid", company.size
    roots = bin(last).count("1")
    note, root = "repeat('a benchmark''s note ', 20)", root_of([bytes(32)] * roots)
    signed = signer.note(company.tenant, last, root).replace("'", "''")
    # What the tiles that grow next hold already, above the lowest level.
    begun = [(level, last >> 8 * level & 255, last >> 8 * level + 8) for level in (1, 2, 3)]
    return (
        *(f"insert into audit.trail_tiles (tenant_id, level, tile, hashes) values ({tenant}, {level}, {tile}, decode(repeat('00', {32 * held}), 'hex'))"
          for level, held, tile in begun if held),
        f"insert into audit.trail_heads (tenant_id, size, frontier) values ({tenant}, {last}, decode(repeat('00', {32 * roots}), 'hex'))",
        f"""insert into audit.trail_checkpoints (tenant_id, size, root, note, at)
        select {tenant}, size, decode(repeat('00', 32), 'hex'), {note}, now()
        from generate_series({TILE}, {last - 1}, 4 * {TILE}) as size""",
        f"""insert into audit.trail_checkpoints (tenant_id, size, root, note, at)
        values ({tenant}, {last}, decode('{root.hex()}', 'hex'), '{signed}', now())""",
        f"insert into audit.trail_plans (tenant_id, plan, class, asked_at) values ({tenant}, 'benchmark', '{company.kept}', 'infinity')",
        f"""insert into audit.trail_classes (tenant_id, month, class)
        select {tenant}, (date_trunc('month', now(), 'UTC') at time zone 'UTC' - make_interval(months => n))::date, '{company.kept}'
        from generate_series(0, {MONTHS - 1}) as n""",
    )
