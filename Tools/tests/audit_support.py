"""A company's trail in memory, signed by a key of its own, for whoever tampers with it or exports it."""

import base64
import hashlib
import json
import tempfile
import unittest
from pathlib import Path

from penguin import audit_findings, secrets_file
from penguin.audit_entry import core, disclosed, target_keys, words
from penguin.audit_json import canonical
from penguin.audit_notes import read_keys
from penguin.audit_trail import Tree
from penguin.audit_tree import Frontier, leaf_hash, root, subtree_heights
from penguin.layout import ROOT

GOLDEN = ROOT / "Tests" / "AuditTests" / "golden"
NAME = "penguinmails-audit"
TENANT = "01930000-0000-7000-8000-000000000001"
OTHER = "01930000-0000-7000-8000-000000000009"


def golden(name):
    return json.loads((GOLDEN / f"{name}.json").read_text())


class Signer:
    """Signs with openssl, which is not what verifies."""

    def __init__(self, folder):
        self._folder = folder
        self._pem = folder / "key.pem"
        self._pem.write_bytes(secrets_file._openssl("genpkey", "-algorithm", "ed25519"))
        public = secrets_file._openssl("pkey", "-in", str(self._pem), "-pubout", "-outform", "DER")[-32:]
        self._identifier = hashlib.sha256(NAME.encode() + b"\n\1" + public).digest()[:4]
        self.key = f"{NAME}+{self._identifier.hex()}+{base64.b64encode(bytes([1]) + public).decode()}"

    @property
    def keys(self):
        return read_keys(self.key)

    def sign(self, text):
        message = self._folder / "message"
        message.write_text(text)
        signature = secrets_file._openssl("pkeyutl", "-sign", "-inkey", str(self._pem), "-rawin", "-in", str(message))
        return f"{text}\n\u2014 {NAME} {base64.b64encode(self._identifier + signature).decode()}\n"

    def checkpoint(self, size, signed_root, tenant=TENANT):
        return self.sign(f"{NAME}/{tenant}\n{size}\n{base64.b64encode(signed_root).decode()}\n")

    def pruned(self, ranges, kind="d90", month="2024-11-01", tenant=TENANT, count=None, identifier=1):
        """The record of a signed pruning."""
        count = sum(end - first + 1 for first, end in ranges) if count is None else count
        text = (f"{NAME}/{tenant}/pruned\nclass {kind}\nmonth {month or '-'}\ncount {count}\n"
                f"seqs {','.join(f'{first}-{end}' for first, end in ranges)}\nat 2026-11-27T18:00:00.000Z\n")
        return {"t": "pruned", "id": f"01936f2a-4c80-7000-8000-{identifier:012x}", "class": kind, "month": month, "count": count,
                "note": self.sign(text)}


def rehash(row):
    row["leaf"] = leaf_hash(canonical(core(row)).encode()).hex()


def make_row(seq, **more):
    row = json.loads(json.dumps(golden("leaf")["row"]))
    row.update(t="event", seq=seq, id=f"01936f2a-4c80-7000-8000-{seq:012x}", tenant_id=TENANT, actor_id=f"u{seq % 7}", **more)
    rehash(row)
    row.update(words=words(core(row)), target_keys=target_keys(core(row)))
    return row


def tiles_of(rows):
    tiles, frontier = {}, Frontier()
    for row in rows:
        for height, index, node in frontier.append(bytes.fromhex(row["leaf"])):
            if height % 8 == 0:
                place = (height // 8, index // 256)
                tiles[place] = tiles.get(place, b"") + node
    return tiles


class Trail:
    """A tree of `count` rows, signed every `every`; a copy may be tampered with."""

    def __init__(self, signer, count, every):
        self.signer = signer
        self.rows = [make_row(seq) for seq in range(1, count + 1)]
        self.tiles, self.head, self.checkpoints, self.pruned = tiles_of(self.rows), count, [], []
        # Keys of targets that belong to no entry.
        self.strays = 0
        frontier = Frontier()
        for row in self.rows:
            frontier.append(bytes.fromhex(row["leaf"]))
            if frontier.size % every == 0:
                self.checkpoints.append({
                    "t": "checkpoint", "size": frontier.size, "root": frontier.root.hex(),
                    "note": signer.checkpoint(frontier.size, frontier.root)})

    def copy(self):
        other = Trail.__new__(Trail)
        other.signer, other.rows, other.tiles = self.signer, json.loads(json.dumps(self.rows)), dict(self.tiles)
        other.head, other.checkpoints, other.pruned, other.strays = self.head, list(self.checkpoints), list(self.pruned), self.strays
        return other

    def records(self):
        """As the query gives them, one at a time."""
        if self.head is not None:
            yield {"t": "head", "size": self.head, "frontier": self._frontier()}
        yield from self.checkpoints
        yield from self.pruned
        for (level, tile), hashes in self.tiles.items():
            yield {"t": "tile", "level": level, "tile": tile, "hashes": hashes.hex()}
        yield {"t": "targets", "count": self.strays + sum(len(row["target_keys"]) for row in self.rows)}
        yield from sorted(self.rows, key=lambda row: (row["seq"] if isinstance(row["seq"], int) else 1 << 64, row["id"] or ""))

    def _frontier(self):
        """The subtrees that the head would have, by the tiles."""
        leaves = b"".join(hashes for (level, _), hashes in sorted(self.tiles.items()) if level == 0)
        frontier = Frontier()
        for start in range(0, len(leaves), 32):
            frontier.append(leaves[start:start + 32])
        return b"".join(frontier.peaks).hex()

    def verify(self, since=None):
        """The clean answer, or what was found."""
        try:
            return Tree(self.records(), self.signer.keys, TENANT, since).check()
        except audit_findings.Bad as bad:
            json.dumps(bad.found)
            return bad.found


class SignedTrail(unittest.TestCase):
    """A tree of 600 rows, signed every 100."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.signer = Signer(Path(folder.name))
        cls.original = Trail(cls.signer, 600, 100)

    def setUp(self):
        self.trail = self.original.copy()

    def assertFound(self, kind, seq, identifier=None, since=None):
        found = self.trail.verify(since)
        self.assertEqual((found.get("kind"), found.get("seq"), found.get("id")), (kind, seq, identifier), found)


def hash_of(rows, first, last):
    """The hashes of a gap: the roots of the subtrees that make up the entries first…last."""
    leaves, start, hashes = [bytes.fromhex(row["leaf"]) for row in rows], first - 1, []
    for height in subtree_heights(first - 1, last):
        hashes.append(base64.b64encode(root(leaves[start:start + (1 << height)])).decode())
        start += 1 << height
    return hashes


def entry_line(row):
    disclosures = {name: {"salt": row["salts"][name], "value": value} for name, value in disclosed(row).items()}
    return canonical({"leaf": canonical(core(row)), "disclosures": disclosures})


def gap_line(rows, first, last):
    return canonical({"gap": [first, last], "hashes": hash_of(rows, first, last)})


def lines_of(rows, shown):
    """Lines of a file that shows the entries with these numbers, and gaps for all others."""
    lines, next_seq = [], 1
    for seq in sorted(shown):
        if next_seq < seq:
            lines.append(gap_line(rows, next_seq, seq - 1))
        lines.append(entry_line(rows[seq - 1]))
        next_seq = seq + 1
    if next_seq <= len(rows):
        lines.append(gap_line(rows, next_seq, len(rows)))
    return lines


def manifest(signer, rows, content, shown, version=2, **other):
    facts = {
        "tenant": TENANT, "export": OTHER, "format": "ndjson", "count": len(shown), "first_seq": min(shown, default="-"),
        "last_seq": max(shown, default="-"), "through": len(rows),
        "root": base64.b64encode(root([bytes.fromhex(row["leaf"]) for row in rows])).decode(), "sha256": hashlib.sha256(content).hexdigest(),
        "filter": '{"action":"x"}', "created": "2026-11-27T18:00:00.000Z", **other,
    }
    return signer.sign(f"penguinmails audit export v{version}\n" + "".join(f"{name} {value}\n" for name, value in facts.items()))
