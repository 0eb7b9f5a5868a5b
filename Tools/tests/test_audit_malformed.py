"""Whatever stands in a row, a tile or a note: it is found where it is, and nothing of it ends the verifier."""

import base64
import unittest

from penguin import audit_database
from penguin.audit_ed25519 import verify
from penguin.audit_findings import Bad
from penguin.audit_json import Malformed, canonical, load
from penguin.audit_notes import BadNote, Checkpoint, Note, read_keys
from tests.audit_support import SignedTrail, rehash, tiles_of

# What JSON from a column may turn out to be, and what only a program that goes wrong would give.
NONSENSE = (
    None, True, 0, -1, 1.5, float("nan"), 1 << 70, "", "x", "\0", "\ud800", [], [None], {}, {"a": None}, {"\udfff": "\udfff"}, b"x",
    [[[[[[]]]]]], "0" * 100_000,
)


class Rows(SignedTrail):
    def nested(self):
        value = []
        for _ in range(100_000):
            value = [value]
        return value

    def assertFoundForAll(self, row, column, kind, values):
        kept = row[column]
        for number, value in enumerate(values):
            with self.subTest(column=column, number=number):
                row[column] = value
                found = self.trail.verify()
                self.assertEqual((found.get("kind"), found.get("seq")), (kind, 7))
                if column != "id":
                    self.assertEqual(found["id"], row["id"])
                row[column] = kept

    def test_what_is_hashed(self):
        row = self.trail.rows[6]
        for column in ("tenant_id", "id", "occurred_at", "recorded_at", "type", "source", "action", "outcome", "actor_kind", "actor_id", "targets",
                       "sd", "leaf"):
            self.assertFoundForAll(row, column, "row", (*NONSENSE, self.nested()))
        for column in ("workspace_id", "request"):
            self.assertFoundForAll(row, column, "row", NONSENSE)
        # There was none.
        self.assertFoundForAll(row, "trace", "row", [each for each in NONSENSE if each is not None])

    def test_the_number(self):
        for value in NONSENSE:
            if value == 0 or value == -1:
                continue
            self.trail = self.original.copy()
            self.trail.rows[6]["seq"] = value
            with self.subTest(str(value)[:20]):
                found = self.trail.verify()
                self.assertIn((found["kind"], found["seq"]), [("missing", 7), ("inserted", 1), ("row", None)])

    def test_a_column_that_is_not_there(self):
        for column in ("id", "seq", "sd", "targets", "occurred_at", "leaf"):
            self.trail = self.original.copy()
            row = self.trail.rows[6]
            seq = row["seq"]
            records = [{name: each[name] for name in each if each is not row or name != column} for each in self.trail.records()]
            self.trail.records = lambda records=records: iter(records)
            with self.subTest(column):
                found = self.trail.verify()
                self.assertEqual((found["kind"], found["seq"]), ("row", None if column == "seq" else seq))

    def test_what_may_be_erased(self):
        row = self.trail.rows[6]
        for column in ("actor_name", "target_names", "address", "user_agent", "changes", "metadata"):
            self.assertFoundForAll(row, column, "details", (*NONSENSE, self.nested(), [{"path": "n"}], [{"path": "n", "before": None}]))
        self.assertFoundForAll(row, "salts", "details", (*NONSENSE, self.nested()))
        for name in row["salts"]:
            kept = dict(row["salts"])
            for salt in (*NONSENSE, "9" * 31, "9" * 33, "9" * 32, kept[name].upper(), kept[name] + " ", "\u0669" * 32):
                with self.subTest(name=name, salt=str(salt)[:40]):
                    row["salts"] = {**kept, name: salt}
                    found = self.trail.verify()
                    self.assertEqual((found["kind"], found["seq"], found["field"]), ("details", 7, name))
            row["salts"] = kept

    def test_what_finds_it(self):
        row = self.trail.rows[6]
        self.assertFoundForAll(row, "words", "words", (*[each for each in NONSENSE if each is not None], self.nested()))
        self.assertFoundForAll(row, "words", "details", [None])
        records = list(self.trail.records())
        self.trail.records = lambda: iter(records)
        self.assertFoundForAll(row, "target_keys", "targets", (*NONSENSE, self.nested(), [1, "x"], [None] * len(row["target_keys"])))

    def test_a_salt_without_a_digest(self):
        self.trail.rows[6]["salts"]["note"] = "9" * 32
        self.assertFound("details", 7, self.trail.rows[6]["id"])

    def test_numbers_do_not_pass_for_the_text_that_they_are_hashed_as(self):
        large = 1 << 60
        row = self.trail.rows[6]
        row["actor_id"] = str(large)
        rehash(row)
        leaf = row["leaf"]
        row["actor_id"] = large
        rehash(row)
        self.assertEqual(row["leaf"], leaf)
        self.trail.tiles = tiles_of(self.trail.rows)
        self.assertFound("row", 7, row["id"])


class Others(SignedTrail):
    def test_tiles(self):
        kept = {"t": "tile", "level": 0, "tile": 1, "hashes": self.trail.tiles[0, 1].hex()}
        del self.trail.tiles[0, 1]
        records = list(self.trail.records())
        place = next(index for index, record in enumerate(records) if record["t"] == "tile")
        for altered in [{"hashes": each} for each in (*NONSENSE, "00" * 31, "00" * 33, "00" * 32 * 257, "zz" * 32, "00" * 32)] + [
                {name: each} for name in ("level", "tile") for each in NONSENSE if each != 0] + [{"level": 1 << 40}, {"tile": 0}]:
            with self.subTest(str(altered)[:60]):
                mixed = records[:place + 1] + [{**kept, **altered}] + records[place + 1:]
                self.trail.records = lambda mixed=mixed: iter(mixed)
                self.assertIn(self.trail.verify()["kind"], ("tile", "tile_leaf"))

    def test_checkpoints_and_prunings(self):
        for column in ("size", "root", "note"):
            for value in NONSENSE:
                with self.subTest(column=column, value=str(value)[:20]):
                    self.trail.checkpoints = [*self.original.checkpoints[:5], {**self.original.checkpoints[5], column: value}]
                    self.assertEqual(self.trail.verify()["kind"], "checkpoint")
        self.trail.checkpoints = self.original.checkpoints
        note = self.signer.pruned([(1, 5)])
        for column in ("class", "month", "count", "note"):
            for value in NONSENSE:
                with self.subTest(column=column, value=str(value)[:20]):
                    self.trail.pruned = [{**note, column: value}]
                    self.assertEqual(self.trail.verify()["kind"], "pruning")

    def test_the_head(self):
        for value in NONSENSE:
            with self.subTest(str(value)[:20]):
                self.trail.head = value
                self.assertEqual(self.trail.verify()["kind"], "head")

    def test_the_count_of_targets(self):
        records = list(self.trail.records())
        place = next(index for index, record in enumerate(records) if record["t"] == "targets")
        for value in NONSENSE:
            with self.subTest(str(value)[:20]):
                records[place] = {"t": "targets", "count": value}
                self.trail.records = lambda: iter(records)
                self.assertFound("targets", None)
        del records[place]
        self.assertFound("targets", None)

    def test_notes(self):
        good = self.trail.checkpoints[0]["note"]
        text, _, line = good.partition("\n\n")
        name = line.split(" ")[1]
        for signature in ("", "\u0660", "=", "AAAA", "A" * 90, line.split(" ")[2][:-2], line.split(" ")[2].strip()[:-4] + "AAA="):
            with self.subTest(signature), self.assertRaises(BadNote):
                Note(f"{text}\n\n\u2014 {name} {signature}\n", self.signer.keys)
        with self.assertRaises(BadNote):
            Note(good + line * 100, self.signer.keys)
        # Whoever else signed, and with what, does not matter.
        stranger = f"\u2014 stranger {base64.b64encode(bytes(40)).decode()}\n"
        self.assertEqual(Checkpoint(good + stranger, self.signer.keys).size, 100)
        root = text.split("\n")[2]
        for altered in (f"{text}\nmore\n", text.replace("\n100\n", "\n0100\n") + "\n", text.replace("\n100\n", "\n\u0661\u0660\u0660\n") + "\n",
                        text.replace(root, root[:-4]) + "\n", text.replace("\n", "\u2028") + "\n"):
            with self.subTest(altered), self.assertRaises(BadNote):
                Checkpoint(self.signer.sign(altered), self.signer.keys)

    def test_keys_and_signatures(self):
        for key in (b"", bytes(31), bytes(32), b"\xff" * 32, b"\x02" + bytes(31)):
            for signature in (b"", bytes(63), bytes(64), b"\xff" * 64):
                with self.subTest(key=key.hex(), signature=signature.hex()):
                    self.assertIn(verify(key, b"x", signature), (True, False))
        for text in ("x", "a+b", "a+b+c", "a+00000000+AAAA", "a+00000000+\u0660", "+++", self.signer.key[:-1], self.signer.key.replace("+", "+0", 1)):
            with self.subTest(text), self.assertRaises(ValueError):
                read_keys(text)


class Json(unittest.TestCase):
    def test_refused(self):
        for text in ("", "{", "1.0", "1e5", "NaN", "-Infinity", "1" * 21, "1" * 5_000, '{"a":1,"a":1}', '[{"b":{"a":1,"a":2}}]', "[" * 100_000,
                     '{"a":' * 100_000, b"\xff", b'"\xed\xa0\x80"', "\ufeff1", None):
            with self.subTest(str(text)[:20]), self.assertRaises(Malformed):
                load(text)
        self.assertEqual(load(b'{"a":[1,null,"\xc3\xb6"]}'), {"a": [1, None, "\u00f6"]})

    def test_every_control_character_has_one_form(self):
        self.assertEqual(canonical("\0\x1f\b\t\n\f\r\"\\/\x7f\u2028"), '"\\u0000\\u001f\\b\\t\\n\\f\\r\\"\\\\/\x7f\u2028"')

    def test_a_record_that_cannot_be_read_is_named_by_its_beginning(self):
        identifier = "01936f2a-4c80-7000-8000-000000000007"
        event = f'{{"t" : "event", "seq" : 7, "id" : "{identifier}", "targets" : '.encode()
        for rest in (b"1.5}", b"1" * 131_000 + b"}", b"[" * 50_000, b"\xff}", b'{"a":1,"a":2}}', b""):
            with self.subTest(rest[:10]), self.assertRaises(Bad) as caught:
                audit_database.parse(event + rest)
            self.assertEqual([caught.exception.found[name] for name in ("kind", "seq", "id")], ["row", 7, identifier])
        for line, kind, seq in (
                (b'{"t" : "checkpoint", "seq" : 9, "size" : 9, "note" : 1.5}', "checkpoint", 9), (b'{"t" : "tile", "level" : 1e9}', "tile", None),
                (b'{"t" : "pruned", "id" : null, ', "pruning", None), (b'{"t" : "targets", "count" : 1.5}', "targets", None),
                (b'{"t" : "head", "size" : 1.5}', "head", None),
                (b"null\n", "row", None), (b'{"t":"other"}', "row", None), (b"\n", "row", None), (b"{}", "row", None)):
            with self.subTest(line), self.assertRaises(Bad) as caught:
                audit_database.parse(line)
            self.assertEqual((caught.exception.found["kind"], caught.exception.found["seq"]), (kind, seq))


if __name__ == "__main__":
    unittest.main()
