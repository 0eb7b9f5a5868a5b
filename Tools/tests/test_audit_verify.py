"""The trail's verifier: the golden vectors that the services keep to as well, and every way of tampering that it must find."""

import base64
import json
import tempfile
import unittest
from pathlib import Path

from penguin import secrets_file
from penguin.audit_entry import core, digest, disclosed
from penguin.audit_findings import Bad, Incomplete
from penguin.audit_json import canonical
from penguin.audit_notes import BadNote, Checkpoint, read_keys
from penguin.audit_trail import Tree
from penguin.audit_tree import Frontier, consistency_path, includes, inclusion_path, leaf_hash, root, subtree_heights
from tests.audit_support import NAME, OTHER, TENANT, SignedTrail, golden, make_row, rehash, tiles_of


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
        self.assertEqual(canonical(core(vector["row"])), vector["core"])
        self.assertEqual(leaf_hash(vector["core"].encode()).hex(), vector["leaf"])
        self.assertEqual(
            {name: digest(vector["row"]["salts"][name], value) for name, value in disclosed(vector["row"]).items()},
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


class Trees(unittest.TestCase):
    def test_complete_subtrees_make_the_same_tree(self):
        leaves = [leaf_hash(bytes([number])) for number in range(40)]
        for first in range(40):
            for last in range(first, 41):
                frontier = Frontier()
                for leaf in leaves[:first]:
                    frontier.append(leaf)
                start = first
                for height in subtree_heights(first, last):
                    frontier.append(root(leaves[start:start + (1 << height)]), height)
                    start += 1 << height
                for leaf in leaves[last:]:
                    frontier.append(leaf)
                self.assertEqual((frontier.size, frontier.root), (40, root(leaves)))
        self.assertEqual(subtree_heights(0, 6), [2, 1])
        self.assertEqual(subtree_heights(3, 12), [0, 2, 2])
        with self.assertRaises(ValueError):
            frontier = Frontier()
            frontier.append(leaves[0])
            frontier.append(leaves[1], 1)


class Attacks(SignedTrail):
    """What somebody with the database but without the key may do."""

    def test_clean(self):
        answer = self.trail.verify()
        self.assertEqual((answer["size"], answer["rows"], answer["pruned"], answer["erased_fields"], answer["pruned_months"]), (600, 600, 0, 0, []))

    def test_rows_are_read_one_at_a_time(self):
        alive, most = set(), 0

        class Record(dict):
            __hash__ = object.__hash__

            def __del__(self):
                alive.discard(id(self))

        def watched():
            nonlocal most
            for record in self.trail.records():
                copy = Record(record)
                if record["t"] == "event":
                    alive.add(id(copy))
                    most = max(most, len(alive))
                yield copy

        self.assertEqual(Tree(watched(), self.signer.keys, TENANT).check()["rows"], 600)
        self.assertLess(most, 5)

    def test_edited_row(self):
        self.trail.rows[41]["action"] = "template.delete"
        self.assertFound("row", 42, self.trail.rows[41]["id"])

    def test_edited_row_and_leaf(self):
        self.trail.rows[41]["outcome"] = "denied"
        rehash(self.trail.rows[41])
        self.assertFound("tile_leaf", 42, self.trail.rows[41]["id"])

    def test_edited_row_leaf_and_tile(self):
        self.trail.rows[299]["outcome"] = "denied"
        rehash(self.trail.rows[299])
        self.trail.tiles[0, 1] = tiles_of(self.trail.rows)[0, 1]
        self.trail.checkpoints = self.trail.checkpoints[-1:]
        self.assertFound("tile", 257)

    def test_edited_on_all_levels(self):
        self.trail.rows[299]["outcome"] = "denied"
        rehash(self.trail.rows[299])
        self.trail.tiles = tiles_of(self.trail.rows)
        self.assertFound("root", 300)

    def test_edited_on_all_levels_with_checkpoints_that_nobody_signed(self):
        self.trail.rows[299]["outcome"] = "denied"
        rehash(self.trail.rows[299])
        self.trail.tiles = tiles_of(self.trail.rows)
        new = root([bytes.fromhex(row["leaf"]) for row in self.trail.rows])
        old = self.trail.checkpoints[-1]["note"]
        note = old.replace(old.split("\n")[2], base64.b64encode(new).decode())
        self.trail.checkpoints = [{"t": "checkpoint", "size": 600, "root": new.hex(), "note": note}]
        self.assertFound("checkpoint", 600)

    def test_deleted(self):
        del self.trail.rows[41]
        self.assertFound("missing", 42)

    def test_inserted(self):
        more = make_row(42)
        more["id"] = more["id"][:-1] + "f"
        self.trail.rows.append(more)
        found = self.trail.verify()
        self.assertIn((found["kind"], found["seq"]), [("inserted", 42), ("tile_leaf", 42), ("row", 42)])

    def test_inserted_before_everything(self):
        for seq in (0, -5):
            self.trail.rows[0] = make_row(seq)
            self.assertFound("inserted", seq, self.trail.rows[0]["id"])

    def test_inserted_behind(self):
        self.trail.rows.append(make_row(601))
        self.assertFound("unsigned", 601, self.trail.rows[-1]["id"])

    def test_swapped(self):
        self.trail.rows[41]["seq"], self.trail.rows[42]["seq"] = 43, 42
        self.assertFound("row", 42, self.trail.rows[42]["id"])

    def test_deleted_renumbered_and_hashed_again(self):
        del self.trail.rows[41]
        for seq, row in enumerate(self.trail.rows, 1):
            row["seq"] = seq
            rehash(row)
        self.trail.tiles, self.trail.head = tiles_of(self.trail.rows), 599
        self.assertFound("root", 100)

    def test_cut(self):
        self.trail.rows = self.trail.rows[:580]
        self.assertFound("truncated", 581)

    def test_cut_with_its_checkpoint_against_one_that_was_handed_out(self):
        since = Checkpoint(self.trail.checkpoints[-1]["note"], self.signer.keys)
        self.trail.rows, self.trail.checkpoints, self.trail.head = self.trail.rows[:500], self.trail.checkpoints[:-1], 500
        self.trail.tiles = tiles_of(self.trail.rows)
        self.assertEqual(self.trail.verify()["size"], 500)
        self.assertFound("truncated", 501, since=since)

    def test_another_root_than_was_handed_out(self):
        self.assertFound("rewritten", 600, since=Checkpoint(self.signer.checkpoint(600, bytes(32)), self.signer.keys))

    def test_edited_details(self):
        row = self.trail.rows[6]
        for column, value in (("actor_name", "Bo"), ("address", "192.0.2.1"), ("user_agent", None), ("metadata", {"a": "1"}), ("changes", [])):
            with self.subTest(column):
                kept = row[column]
                row[column] = value
                self.assertFound("details", 7, row["id"])
                row[column] = kept

    def test_erased_details(self):
        self.trail.rows[6]["actor_name"] = None
        del self.trail.rows[6]["salts"]["actor.name"]
        self.trail.rows[7].update({
            "actor_name": None, "target_names": [None, None], "address": None, "user_agent": None, "changes": None, "metadata": None, "salts": {}})
        self.assertEqual(self.trail.verify()["erased_fields"], 7)

    def test_tiles_that_hold_more_than_the_tree(self):
        self.trail.tiles[0, 2] += bytes(32)
        self.assertFound("tile", 513)
        self.trail.tiles = {**self.original.tiles, (3, 0): bytes(32)}
        self.assertFound("tile", 1)

    def test_tiles_that_are_gone(self):
        del self.trail.tiles[1, 0]
        self.assertFound("tile", 1)


class Checkpoints(SignedTrail):
    def test_another_than_it_says(self):
        kept = self.trail.checkpoints[2]
        other = self.signer.checkpoint(300, bytes.fromhex(kept["root"]), OTHER)
        for altered in ({"root": "00" * 32}, {"note": self.trail.checkpoints[3]["note"]}, {"note": other}, {"size": 299}):
            with self.subTest(altered):
                self.trail.checkpoints[2] = {**kept, **altered}
                self.assertFound("checkpoint", altered.get("size", 300))

    def test_two_roots_for_one_size(self):
        self.trail.checkpoints.append({"t": "checkpoint", "size": 600, "root": "00" * 32, "note": self.signer.checkpoint(600, bytes(32))})
        self.assertFound("checkpoint", 600)

    def test_thinned(self):
        self.trail.checkpoints = [self.trail.checkpoints[1], self.trail.checkpoints[-1]]
        self.assertEqual(self.trail.verify()["checkpoints"], 2)

    def test_the_head_s_subtrees_are_the_tree_s(self):
        records = list(self.trail.records())
        records[0]["frontier"] = "00" * 32
        self.trail.records = lambda: iter(records)
        self.assertFound("head", 600)

    def test_the_newest_is_the_head_s(self):
        self.trail.checkpoints.pop()
        self.assertFound("unsigned", 501, self.trail.rows[500]["id"])
        self.trail.rows = self.trail.rows[:500]
        self.assertFound("head", 500)

    def test_all_gone(self):
        self.trail.checkpoints = []
        self.assertFound("checkpoint", 600)
        self.trail.rows.append(make_row(601))
        self.trail.head, self.trail.tiles = 601, tiles_of(self.trail.rows)
        self.assertFound("checkpoint", 601)
        self.trail.rows, self.trail.tiles = [], {}
        self.assertFound("checkpoint", 601)
        self.trail.rows, self.trail.head = [make_row(1)], None
        self.assertFound("checkpoint", None)
        self.trail.rows = []
        with self.assertRaises(Incomplete):
            self.trail.verify()
        self.assertFound("checkpoint", None, since=Checkpoint(self.original.checkpoints[0]["note"], self.signer.keys))

    def test_another_key(self):
        keys = read_keys(secrets_file.verifier_key(NAME, bytes(32)))
        with self.assertRaises(Bad):
            Tree(self.trail.records(), keys, TENANT).check()
        self.assertEqual(Tree(self.trail.records(), keys + self.signer.keys, TENANT).check()["size"], 600)


if __name__ == "__main__":
    unittest.main()
