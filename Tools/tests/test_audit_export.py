"""Files of the trail: each entry at its place in the tree, and every way of altering a file."""

import base64
import csv
import io
import json
import tempfile
import unittest
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace

from penguin import audit_verify
from penguin.audit_entry import core
from penguin.audit_export import LONGEST
from penguin.audit_json import canonical
from penguin.audit_tree import EMPTY_ROOT, leaf_hash, root
from tests.audit_support import OTHER, TENANT, SignedTrail, entry_line, gap_line, lines_of, make_row, manifest, rehash


class Files(SignedTrail):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.folder / "trail.ndjson"
        self.rows = self.trail.rows

    def write(self, lines, shown=(), rows=None, **facts):
        """A file of these lines, signed as it is."""
        content = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")
        self.note = manifest(self.signer, self.rows if rows is None else rows, content, shown, **facts)
        self.file.write_bytes(content + json.dumps({"manifest": self.note}).encode() + b"\n")

    def status(self, **more):
        chosen = {"key": self.signer.key, "export": self.file, "manifest": None, "tenant": None, "since": None, "database": None, **more}
        said = io.StringIO()
        with redirect_stdout(said):
            code = audit_verify.run(SimpleNamespace(**chosen))
        answer = json.loads(said.getvalue())
        self.assertEqual(answer["result"], ("clean", "tampered", "incomplete")[code])
        return code, answer

    def assertBad(self, kind, **expected):
        code, answer = self.status()
        self.assertEqual((code, answer.get("first_bad", {}).get("kind")), (1, kind), answer)
        self.assertEqual({name: answer["first_bad"][name] for name in expected}, expected)

    def kept(self, text, name="note"):
        path = self.folder / name
        path.write_text(text)
        return path


class Lines(Files):
    SHOWN = (11, 12, 13, 256, 257, 300, 599)

    def setUp(self):
        super().setUp()
        self.lines = lines_of(self.rows, self.SHOWN)

    def test_clean(self):
        for shown in (self.SHOWN, (1,), (600,), (1, 600), (), range(1, 601), range(100, 400), range(1, 601, 7)):
            with self.subTest(list(shown)[:5]):
                self.write(lines_of(self.rows, shown), shown)
                root = self.trail.checkpoints[-1]["root"]
                self.assertEqual(self.status()[1], {
                    "result": "clean", "rows": len(shown), "erased_fields": 0, "tenant": TENANT, "through": 600, "root": root,
                    "filter": {"action": "x"}})

    def test_empty_tree(self):
        self.write([], rows=[], root=base64.b64encode(EMPTY_ROOT).decode(), filter="{}")
        self.assertEqual(self.status()[1]["through"], 0)

    def test_gaps_side_by_side(self):
        lines = [gap_line(self.rows, first, last) for first, last in ((1, 5), (6, 6), (7, 300), (301, 600))]
        self.write(lines)
        self.assertEqual(self.status()[0], 0)

    def test_erased(self):
        row = self.rows[10]
        row["actor_name"] = None
        del row["salts"]["actor.name"]
        self.write(lines_of(self.rows, self.SHOWN), self.SHOWN)
        self.assertEqual(self.status()[1]["erased_fields"], 1)

    def test_edited_value(self):
        self.write(self.lines, self.SHOWN)
        self.file.write_bytes(self.file.read_bytes().replace(b"Mozilla/5.0", b"Mozilla/6.0", 1))
        self.assertBad("details", seq=11, line=2, field="user_agent")

    def test_an_entry_that_is_not_of_the_tree(self):
        """Even whoever signs the digest of a wrong file cannot make it fit the tree."""
        self.rows[255]["outcome"] = "denied"
        self.lines[self.lines.index(entry_line(self.original.rows[255]))] = entry_line(self.rows[255])
        self.write(self.lines, self.SHOWN, rows=self.original.rows)
        self.assertBad("manifest", field="root")

    def test_a_hash_that_is_not_of_the_tree(self):
        gap = json.loads(self.lines[0])
        gap["hashes"][0] = base64.b64encode(bytes(32)).decode()
        self.write([canonical(gap), *self.lines[1:]], self.SHOWN)
        self.assertBad("manifest", field="root")

    def test_a_line_less_or_more(self):
        self.write(self.lines, self.SHOWN)
        lines = self.file.read_bytes().splitlines(True)
        self.file.write_bytes(b"".join(lines[1:]))
        self.assertBad("missing", seq=1, line=1)
        self.file.write_bytes(b"".join(lines[:2] + lines[3:]))
        self.assertBad("missing", seq=12, line=3)
        self.file.write_bytes(b"".join(lines[:2] + lines[1:]))
        self.assertBad("row", seq=11, line=3)
        self.file.write_bytes(b"".join(lines[:-2] + lines[-1:]))
        self.assertBad("manifest", field="last_seq" if b"leaf" in lines[-2] else "through")
        self.file.write_bytes(b"".join(lines + lines[:1]))
        self.assertBad("line", line=len(lines) + 1)
        self.file.write_bytes(b"".join(lines[:-1]))
        self.assertEqual(self.status()[0], 2)
        self.file.write_bytes(b"")
        self.assertEqual(self.status()[0], 2)

    def test_an_entry_passed_off_as_a_gap(self):
        self.write(self.lines, self.SHOWN)
        line = entry_line(self.rows[255])
        text = self.file.read_text().replace(line, gap_line(self.rows, 256, 256))
        self.file.write_text(text)
        self.assertBad("manifest", field="count")

    def test_facts(self):
        for name, value in (("count", 8), ("first_seq", 12), ("last_seq", "-"), ("through", 601), ("root", "A" * 43 + "="), ("sha256", "0" * 64),
                            ("format", "csv")):
            with self.subTest(name):
                self.write(self.lines, self.SHOWN, **{name: value})
                self.assertBad("manifest", field=name)

    def test_another_company(self):
        self.write(self.lines, self.SHOWN, tenant=OTHER)
        self.assertBad("row", seq=11)
        self.rows[11]["tenant_id"] = OTHER
        rehash(self.rows[11])
        self.write(lines_of(self.rows, self.SHOWN), self.SHOWN)
        self.assertBad("row", seq=12)
        self.write(lines_of(self.original.rows, self.SHOWN), self.SHOWN, rows=self.original.rows)
        self.assertEqual(self.status(tenant=TENANT.upper())[0], 0)
        self.assertEqual(self.status(tenant=OTHER)[1]["first_bad"]["field"], "tenant")
        self.assertEqual(self.status(tenant="x")[0], 2)

    def test_manifests(self):
        self.write(self.lines, self.SHOWN, version=1)
        self.assertIn("version 1", self.status()[1]["problem"])
        self.assertEqual(self.status()[0], 2)
        for altered in ({"version": 3}, {"tenant": "x"}, {"filter": "x"}, {"filter": "1.5"}, {"count": "07"}, {"created": "x"},
                        {"root": "x"}, {"more": "x"}, {"format": "xml"}, {"filter": '{"a":1}\ncount 7'}):
            with self.subTest(altered):
                self.write(self.lines, self.SHOWN, **altered)
                self.assertBad("manifest")
        self.write(self.lines, self.SHOWN)
        content = self.file.read_text().splitlines(True)[:-1]
        for note in (self.trail.checkpoints[0]["note"], self.note.replace("count 7", "count 8"), "", None, 5, {}, "\ud800\n\n"):
            with self.subTest(str(note)[:20]):
                self.file.write_text("".join(content) + json.dumps({"manifest": note}) + "\n")
                self.assertBad("manifest")

    def test_the_manifest_that_was_handed_out(self):
        self.write(self.lines, self.SHOWN)
        self.assertEqual(self.status(manifest=self.kept(self.note))[0], 0)
        other = manifest(self.signer, self.rows, b"", self.SHOWN)
        self.assertEqual(self.status(manifest=self.kept(other))[1]["first_bad"]["kind"], "manifest")
        self.assertEqual(self.status(manifest=self.kept("x"))[1]["first_bad"]["kind"], "manifest")
        self.assertEqual(self.status(manifest=self.folder / "none")[0], 2)

    def test_a_checkpoint_that_was_handed_out(self):
        self.write(self.lines, self.SHOWN)
        newest = bytes.fromhex(self.trail.checkpoints[-1]["root"])
        self.assertEqual(self.status(since=self.kept(self.trail.checkpoints[-1]["note"]))[1]["since"], "the same tree")
        status, answer = self.status(since=self.kept(self.trail.checkpoints[-2]["note"]))
        self.assertEqual((status, answer["result"]), (2, "incomplete"))
        self.assertEqual(self.status(since=self.kept(self.signer.checkpoint(600, bytes(32))))[1]["first_bad"]["kind"], "rewritten")
        # The first entry that is shown ends a tree of its own size: that much the file tells of it.
        size = min(self.SHOWN)
        begun = root([bytes.fromhex(row["leaf"]) for row in self.rows[:size]])
        self.assertEqual(self.status(since=self.kept(self.signer.checkpoint(size, begun)))[1]["since"], "the tree still begins with it")
        self.assertEqual(self.status(since=self.kept(self.signer.checkpoint(size, bytes(32))))[1]["first_bad"]["kind"], "rewritten")
        for note in (self.signer.checkpoint(600, newest, OTHER), "x", self.note, self.trail.checkpoints[-1]["note"].replace("600", "601")):
            self.assertEqual(self.status(since=self.kept(note))[0], 2)

    def test_malformed_lines(self):
        entry, gap = json.loads(self.lines[1]), json.loads(self.lines[0])
        leaf = json.loads(entry["leaf"])
        disclosure = entry["disclosures"]["ip"]
        leaves = [canonical({**leaf, **altered}) for altered in (
            {"v": 2}, {"seq": "11"}, {"seq": -1}, {"seq": 1 << 60}, {"id": "x"}, {"actor": {}}, {"actor": None}, {"targets": [{"id": "x"}]},
            {"targets": {}}, {"sd": []}, {"sd": {"ip": "x"}}, {"more": "x"}, {"outcome": None}, {"type": "a\0b"}, {"trace": None})]
        leaves += [entry["leaf"] + " ", entry["leaf"].replace('"seq":11', '"seq":11,"seq":11'), entry["leaf"].replace('"seq":11', '"seq":11.0'),
                   entry["leaf"].replace('"seq":11', '"seq":' + "9" * 5_000), entry["leaf"].replace("success", "\\ud800"), "", "[]", None, 5, {},
                   "[" * 50_000]
        lines = ["", "x", "null", "[]", "{}", "5", '{"manifest"', '{"leaf":"x"}', "[" * 50_000, self.lines[1][:-1], self.lines[1][:-1] + ',"a":1}',
                 self.lines[1].replace('{"disclosures"', '{"leaf":"x","disclosures"'), self.lines[1] * 2, "\ufeff" + self.lines[1], "\udfff"]
        lines += [json.dumps({**entry, "leaf": each}) for each in leaves]
        for number, line in enumerate(lines):
            with self.subTest(number=number, line=line[:30]):
                self.write([self.lines[0], line, *self.lines[2:]], self.SHOWN)
                self.assertBad("line", line=2)
        for altered in (None, 5, [], {"ip": None}, {"ip": {}}, {"ip": {"salt": "x", "value": "x"}}, {"ip": {**disclosure, "more": 1}},
                        {"ip": {**disclosure, "salt": 5}}, {"ip": {**disclosure, "value": None}}, {"x": disclosure}, {"changes": disclosure},
                        {"metadata": {**disclosure, "value": {"a": 1}}}, {"\ud800": disclosure}, {"ip": {**disclosure, "value": "\ud800"}}):
            with self.subTest(str(altered)[:60]):
                self.write([self.lines[0], json.dumps({**entry, "disclosures": altered}), *self.lines[2:]], self.SHOWN)
                self.assertBad("details", seq=11)
        for altered in ({"gap": None}, {"gap": [1]}, {"gap": [10, 1]}, {"gap": [1, "10"]}, {"gap": [0, 10]}, {"gap": [1, 1 << 63]},
                        {"gap": [True, 10]}, {"gap": [1, (1 << 63) - 1]}, {"hashes": None}, {"hashes": []}, {"hashes": gap["hashes"] * 2},
                        {"hashes": [None, None]}, {"hashes": ["AAAA", "AAAA"]}, {"hashes": ["\u0660", "x"]}, {"hashes": [5, {}]}, {"more": 1}):
            with self.subTest(str(altered)[:60]):
                self.write([json.dumps({**gap, **altered}), *self.lines[1:]], self.SHOWN)
                self.assertBad("line", line=1)
        self.write([json.dumps({**gap, "gap": [2, 10], "hashes": gap["hashes"] * 2}), *self.lines[1:]], self.SHOWN)
        self.assertBad("missing", seq=1, line=1)

    def test_lines_have_a_length(self):
        self.write([self.lines[0], " " * LONGEST + self.lines[1], *self.lines[2:]], self.SHOWN)
        self.assertBad("line", line=2)
        padded = self.lines[1] + " " * (LONGEST - 1 - len(self.lines[1].encode()))
        self.write([self.lines[0], padded, *self.lines[2:]], self.SHOWN)
        self.assertEqual(self.status()[0], 0)

    def test_text_that_separates_lines_elsewhere(self):
        row = self.rows[10]
        row["actor_id"] = "a\u2028b\x85c\x0bd"
        rehash(row)
        self.write(lines_of(self.rows, self.SHOWN), self.SHOWN, filter='{"actor":"a\u2028b\x85"}')
        self.assertEqual(self.status()[1]["filter"], {"actor": "a\u2028b\x85"})

    def test_golden_bytes(self):
        """The form of a line, as services must write it."""
        self.assertEqual(self.lines[0][:17], '{"gap":[1,10],"ha')
        gap = json.loads(self.lines[0])
        self.assertEqual([len(base64.b64decode(each)) for each in gap["hashes"]], [32, 32])
        entry = json.loads(self.lines[1])
        self.assertEqual(leaf_hash(entry["leaf"].encode()).hex(), make_row(11)["leaf"])
        self.assertEqual(entry["leaf"], canonical(core(self.rows[10])))


class Tables(Files):
    SHOWN = (3, 5, 9)

    def setUp(self):
        super().setUp()
        self.file = self.folder / "trail.csv"
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(["seq", "id", "note"])
        writer.writerows([[seq, self.rows[seq - 1]["id"], 'a "quoted",\nline'] for seq in self.SHOWN])
        self.text = text.getvalue()
        self.sign(self.text)

    def sign(self, text, **facts):
        content = text.encode("utf-8", "surrogatepass")
        self.file.write_bytes(content)
        self.note = self.kept(manifest(self.signer, self.rows, content, self.SHOWN, format="csv", **facts))

    def status(self, **more):
        return super().status(**{"manifest": self.note, **more})

    def test_clean(self):
        code, answer = self.status()
        self.assertEqual((code, answer["rows"], answer["through"], answer["tenant"]), (0, 3, 600, TENANT))
        self.assertEqual(self.status(since=self.kept(self.trail.checkpoints[-1]["note"], "c"))[1]["since"], "the same tree")
        self.assertEqual(self.status(since=self.kept(self.signer.checkpoint(600, bytes(32)), "c"))[0], 1)

    def test_without_its_manifest(self):
        self.assertEqual(self.status(manifest=None)[0], 2)

    def test_altered(self):
        self.file.write_text(self.text.replace("quoted", "Quoted", 1), newline="")
        self.assertBad("manifest", field="sha256")
        self.file.write_text(self.text[:self.text.rindex("\n9,") + 1], newline="")
        self.assertBad("manifest", field="count")

    def test_facts(self):
        for name, value in (("count", 4), ("first_seq", 4), ("last_seq", 10), ("sha256", "0" * 64)):
            with self.subTest(name):
                self.sign(self.text, **{name: value})
                self.assertBad("manifest", field=name)

    def test_malformed(self):
        head, first = "seq,id,note\r\n", "3,x,y\r\n"
        for text, line in (
                ("", 1), ("id,note\r\n", 1), (head + first + "\r\n", 3), (head + "x,y,z\r\n", 2), (head + first + first, 3), (head + "3,y\r\n", 2),
                (head + '3,"y,z\r\n', 2), (head + '3,"y"z,a\r\n', 2), (head + "\u0663,y,z\r\n", 2), (head + f"{'9' * 5_000},y,z\r\n", 2),
                (head + "3,\udfff,z\r\n", 2), (head + first + "4," + "a" * LONGEST, 3), (head + "4,a\rb,c\r\n", 2), (head + "-3,y,z\r\n", 2),
                (head + "4," + "a" * 200_000 + ",c\r\n", 2)):
            with self.subTest(text[-40:]):
                self.sign(text)
                self.assertBad("line", line=line)

    def test_an_empty_table(self):
        self.SHOWN = ()
        self.sign("seq,id,note\r\n")
        self.assertEqual(self.status()[1]["rows"], 0)


if __name__ == "__main__":
    unittest.main()
