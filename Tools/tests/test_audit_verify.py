"""The trail's verifier: the golden vectors that the services keep to as well, and every way of tampering that it must find."""

import base64
import json
import tempfile
import unittest
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

from penguin import audit_verify, secrets_file
from penguin.audit_tree import (
    BadNote, Checkpoint, Frontier, canonical, consistency_path, digest, includes, inclusion_path, leaf_hash, read_keys, root)
from penguin.layout import ROOT

GOLDEN = ROOT / "Tests" / "AuditTests" / "golden"


def golden(name):
    return json.loads((GOLDEN / f"{name}.json").read_text())


class Vectors(unittest.TestCase):
    def test_canonical_json(self):
        for vector in golden("canonical"):
            self.assertEqual(canonical(vector["value"]), vector["canonical"])
        with self.assertRaises(ValueError):
            canonical({"a": 1.5})

    def test_trees(self):
        vectors = golden("rfc6962")
        leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in vectors["leaves"]]
        for size, expected in enumerate(vectors["roots"], 1):
            self.assertEqual(root(leaves[:size]).hex(), expected)
        for proof in vectors["inclusion"]:
            path = inclusion_path(proof["index"], leaves[:proof["size"]])
            self.assertEqual([each.hex() for each in path], proof["path"])
            expected = bytes.fromhex(vectors["roots"][proof["size"] - 1])
            self.assertTrue(includes(leaves[proof["index"]], proof["index"], proof["size"], path, expected))
            self.assertFalse(includes(leaf_hash(b"other"), proof["index"], proof["size"], path, expected))
        for proof in vectors["consistency"]:
            self.assertEqual([each.hex() for each in consistency_path(proof["from"], leaves[:proof["to"]])], proof["path"])

    def test_leaf(self):
        vector = golden("leaf")
        self.assertEqual(canonical(audit_verify.core(vector["row"])), vector["core"])
        self.assertEqual(leaf_hash(vector["core"].encode()).hex(), vector["leaf"])
        self.assertEqual(
            {name: digest(vector["row"]["salts"][name], value) for name, value in audit_verify.disclosed(vector["row"]).items()},
            vector["row"]["sd"])

    def test_checkpoint(self):
        vector = golden("checkpoint")
        self.assertEqual(secrets_file.verifier_key(vector["name"], bytes.fromhex(vector["seed"])), vector["key"])
        keys = read_keys(vector["key"])
        note = Checkpoint(vector["note"], keys)
        self.assertEqual((note.size, note.root.hex()), (vector["size"], vector["root"]))
        for altered in (vector["note"].replace("\n8\n", "\n9\n"), vector["note"].replace("\u2014", "-"), note.text):
            with self.assertRaises(BadNote):
                Checkpoint(altered, keys)
        with self.assertRaises(BadNote):
            Checkpoint(vector["note"], read_keys(secrets_file.verifier_key(vector["name"], bytes(32))))


class Keys(unittest.TestCase):
    def test_made_once_and_changed_by_having_two(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            secrets_file.make_trail_keys(folder)
            first = (folder / "trail.pub").read_text()
            secrets_file.make_trail_keys(folder)
            self.assertEqual((folder / "trail.pub").read_text(), first)
            document = json.loads((folder / "trail.json").read_text())
            document["keys"] = [base64.b64encode(bytes(32)).decode()]
            (folder / "trail.json").write_text(json.dumps(document))
            secrets_file.make_trail_keys(folder)
            keys = read_keys((folder / "trail.pub").read_text())
            self.assertEqual(len(keys), 2)
            self.assertEqual(keys[1], read_keys(first)[0])


class Signer:
    """Signs with openssl, which is not what verifies."""

    name = "penguinmails-audit"

    def __init__(self, folder):
        self._folder = folder
        self._pem = folder / "key.pem"
        self._pem.write_bytes(secrets_file._openssl("genpkey", "-algorithm", "ed25519"))
        public = secrets_file._openssl("pkey", "-in", str(self._pem), "-pubout", "-outform", "DER")[-32:]
        identifier = audit_verify.hashlib.sha256(self.name.encode() + b"\n\1" + public).digest()[:4]
        self._identifier = identifier
        self.key = f"{self.name}+{identifier.hex()}+{base64.b64encode(bytes([1]) + public).decode()}"

    def sign(self, text):
        message = self._folder / "message"
        message.write_text(text)
        signature = secrets_file._openssl("pkeyutl", "-sign", "-inkey", str(self._pem), "-rawin", "-in", str(message))
        return f"{text}\n\u2014 {self.name} {base64.b64encode(self._identifier + signature).decode()}\n"


TENANT = "01930000-0000-7000-8000-000000000001"


def rehash(row):
    row["leaf"] = leaf_hash(canonical(audit_verify.core(row)).encode()).hex()


def make_row(seq):
    row = json.loads(json.dumps(golden("leaf")["row"]))
    row.update(t="event", seq=seq, id=f"01936f2a-4c80-7000-8000-{seq:012x}", tenant_id=TENANT, actor_id=f"u{seq % 7}")
    rehash(row)
    return row


class Attacks(unittest.TestCase):
    """A tree of 600 rows, signed every 100, and what somebody with the database but without the key may do to it."""

    COUNT = 600

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.signer = Signer(Path(cls.folder.name))
        cls.rows = [make_row(seq) for seq in range(1, cls.COUNT + 1)]
        cls.tiles = cls.tiles_of(cls.rows)
        cls.checkpoints = []
        frontier = Frontier()
        for row in cls.rows:
            frontier.append(bytes.fromhex(row["leaf"]))
            if frontier.size % 100 == 0:
                text = f"{Signer.name}/{TENANT}\n{frontier.size}\n{base64.b64encode(frontier.root).decode()}\n"
                cls.checkpoints.append({
                    "t": "checkpoint", "size": frontier.size, "root": frontier.root.hex(), "note": cls.signer.sign(text)})

    @staticmethod
    def tiles_of(rows):
        tiles, frontier = {}, Frontier()
        for row in rows:
            for height, index, node in frontier.append(bytes.fromhex(row["leaf"])):
                if height % 8 == 0:
                    place = (height // 8, index // 256)
                    tiles[place] = tiles.get(place, b"") + node
        return tiles

    def setUp(self):
        self.now = [json.loads(json.dumps(row)) for row in self.rows]
        self.tree = dict(self.tiles)
        self.head = self.COUNT
        self.signed = list(self.checkpoints)
        self.classes = [{"t": "class", "month": "2024-11-01", "class": "y7"}]

    def verify(self, since=None):
        records = [{"t": "now", "day": "2026-11-27"}, {"t": "head", "size": self.head}, *self.classes, *self.signed]
        records += [{"t": "tile", "level": level, "tile": tile, "hashes": hashes.hex()} for (level, tile), hashes in self.tree.items()]
        records += sorted(self.now, key=lambda row: (row["seq"], row["id"]))
        try:
            return audit_verify.Tree(records, read_keys(self.signer.key), TENANT, since).check()
        except audit_verify.Bad as bad:
            return bad.found["kind"], bad.found["seq"], bad.found["id"]

    def assertFound(self, kind, seq, identifier=None):
        self.assertEqual(self.verify(), (kind, seq, identifier))

    def test_clean(self):
        answer = self.verify()
        self.assertEqual((answer["size"], answer["pruned"], answer["erased_fields"]), (600, 0, 0))

    def test_edited_row(self):
        self.now[41]["action"] = "template.delete"
        self.assertFound("row", 42, self.now[41]["id"])

    def test_edited_row_and_leaf(self):
        self.now[41]["outcome"] = "denied"
        rehash(self.now[41])
        self.assertFound("tile_leaf", 42, self.now[41]["id"])

    def test_edited_row_leaf_and_tile(self):
        self.now[299]["outcome"] = "denied"
        rehash(self.now[299])
        self.tree[0, 1] = self.tiles_of(self.now)[0, 1]
        self.signed = self.signed[-1:]
        self.assertFound("tile", 257)

    def test_edited_on_all_levels(self):
        self.now[299]["outcome"] = "denied"
        rehash(self.now[299])
        self.tree = self.tiles_of(self.now)
        self.assertFound("root", 300)

    def test_deleted(self):
        del self.now[41]
        self.assertFound("missing", 42)

    def test_inserted(self):
        more = make_row(42)
        more["id"] = more["id"][:-1] + "f"
        self.now.append(more)
        kind, seq, _ = self.verify()
        self.assertIn((kind, seq), [("inserted", 42), ("tile_leaf", 42), ("row", 42)])

    def test_inserted_behind(self):
        self.now.append(make_row(601))
        self.assertFound("unsigned", 601, self.now[-1]["id"])

    def test_swapped(self):
        self.now[41]["seq"], self.now[42]["seq"] = 43, 42
        self.assertFound("row", 42, self.now[42]["id"])

    def test_deleted_renumbered_and_hashed_again(self):
        del self.now[41]
        for seq, row in enumerate(self.now, 1):
            row["seq"] = seq
            rehash(row)
        self.tree, self.head = self.tiles_of(self.now), 599
        self.assertFound("root", 100)

    def test_cut(self):
        self.now = self.now[:580]
        self.assertFound("truncated", 581)

    def test_cut_with_its_checkpoint_against_one_that_was_handed_out(self):
        since = Checkpoint(self.signed[-1]["note"], read_keys(self.signer.key))
        self.now, self.signed, self.head = self.now[:500], self.signed[:-1], 500
        self.tree = self.tiles_of(self.now)
        self.assertEqual(self.verify()["size"], 500)
        self.assertEqual(self.verify(since)[:2], ("truncated", 501))

    def test_edited_details(self):
        for column, value in (("actor_name", "Bo"), ("address", "192.0.2.1"), ("user_agent", None), ("metadata", {"a": "1"}), ("changes", [])):
            with self.subTest(column):
                kept = self.now[6][column]
                self.now[6][column] = value
                self.assertFound("details", 7, self.now[6]["id"])
                self.now[6][column] = kept

    def test_erased_details(self):
        self.now[6]["actor_name"] = None
        del self.now[6]["salts"]["actor.name"]
        self.now[7].update({
            "actor_name": None, "target_names": None, "address": None, "user_agent": None, "changes": None, "metadata": None, "salts": None})
        self.assertEqual(self.verify()["erased_fields"], 7)

    def test_unsigned_checkpoint(self):
        self.signed[2] = {**self.signed[2], "root": "00" * 32}
        self.assertFound("checkpoint", 300)
        self.signed[2] = {**self.checkpoints[2], "note": self.checkpoints[3]["note"]}
        self.assertFound("checkpoint", 300)

    def test_pruned_month(self):
        self.now = self.now[300:]
        self.assertFound("missing", 1)
        self.classes = [{"t": "class", "month": "2024-10-01", "class": "d90"}]
        self.assertEqual(self.verify()["pruned"], 300)

    def test_nothing_to_say(self):
        for empty in ("signed", "everything"):
            self.signed = []
            if empty == "everything":
                self.now, self.head, self.tree = [], None, {}
            with self.assertRaises(audit_verify.Incomplete):
                self.verify()

    def test_export(self):
        file = Path(self.folder.name) / "trail.ndjson"

        def write(rows, count=None):
            lines = b"".join(
                canonical({"leaf": canonical(audit_verify.core(row)), "disclosures": {
                    name: {"salt": row["salts"][name], "value": value} for name, value in audit_verify.disclosed(row).items()
                }}).encode() + b"\n" for row in rows)
            facts = {"tenant": TENANT, "count": count or len(rows), "first_seq": rows[0]["seq"], "last_seq": rows[-1]["seq"],
                     "sha256": audit_verify.hashlib.sha256(lines).hexdigest()}
            note = self.signer.sign("".join(f"{name} {value}\n" for name, value in facts.items()))
            file.write_bytes(lines + json.dumps({"manifest": note}).encode() + b"\n")

        def status():
            said = StringIO()
            with redirect_stdout(said):
                code = audit_verify.run(SimpleNamespace(key=self.signer.key, export=file, tenant=None, since=None, database=None))
            return code, json.loads(said.getvalue())

        write(self.rows[10:20])
        self.assertEqual(status()[0], 0)
        file.write_bytes(file.read_bytes().replace(b"Mozilla/5.0", b"Mozilla/6.0", 1))
        self.assertEqual((status()[0], status()[1]["first_bad"]["seq"]), (1, 11))
        write(self.rows[10:20], count=11)
        self.assertEqual(status()[1]["first_bad"]["kind"], "manifest")
        write(self.rows[10:20])
        file.write_bytes(b"".join(file.read_bytes().splitlines(True)[:-1]))
        self.assertEqual(status()[0], 2)
        write(self.rows[10:20])
        file.write_bytes(b"".join(file.read_bytes().splitlines(True)[1:]))
        self.assertEqual(status()[0], 1)


if __name__ == "__main__":
    unittest.main()
