"""What may be missing: exactly what a signed pruning names, and nothing beside it."""

import unittest

from penguin import secrets_file
from penguin.audit_notes import BadNote, Pruned, read_keys
from tests.audit_support import NAME, OTHER, TENANT, SignedTrail


class Prunings(SignedTrail):
    def prune(self, *ranges, **more):
        """Removes the rows and signs that."""
        self.trail.pruned.append(self.signer.pruned(ranges, identifier=len(self.trail.pruned) + 1, **more))
        gone = {seq for first, last in ranges for seq in range(first, last + 1)}
        self.trail.rows = [row for row in self.trail.rows if row["seq"] not in gone]

    def assertRefused(self, identifier=None, seq=None):
        self.assertFound("pruning", seq, identifier)

    def test_lapsed_months(self):
        self.prune((1, 100), (105, 105), (110, 300))
        self.prune((101, 104), kind="y1", month="2023-11-01")
        self.prune((106, 106), kind="hold", month=None)
        self.prune((108, 109), kind="hold", month=None)
        answer = self.trail.verify()
        self.assertEqual((answer["size"], answer["rows"], answer["pruned"]), (600, 301, 299))
        self.assertEqual(answer["pruned_months"], [
            {"class": "hold", "month": None, "entries": 3}, {"class": "y1", "month": "2023-11-01", "entries": 4},
            {"class": "d90", "month": "2024-11-01", "entries": 292}])

    def test_everything_pruned(self):
        self.prune((1, 600))
        self.assertEqual(self.trail.verify()["rows"], 0)

    def test_a_live_month_deleted_beside_a_lapsed_one(self):
        self.prune((1, 100))
        live = self.trail.rows
        self.trail.rows = live[:300]
        self.assertFound("truncated", 401)
        self.trail.rows = live[50:]
        self.assertFound("missing", 101)
        self.trail.rows = []
        self.assertFound("truncated", 101)

    def test_nothing_is_pruned_without_a_note(self):
        self.trail.rows = self.trail.rows[300:]
        self.assertFound("missing", 1)

    def test_forged(self):
        self.prune((1, 100))
        honest = self.trail.pruned[0]
        self.trail.rows = self.trail.rows[20:]
        forged = honest["note"].replace("count 100\nseqs 1-100", "count 120\nseqs 1-120")
        self.trail.pruned = [{**honest, "count": 120, "note": forged}]
        self.assertRefused(honest["id"])
        self.trail.pruned = [{**honest, "note": forged.split("\u2014")[0]}]
        self.assertRefused(honest["id"])

    def test_by_another_key(self):
        self.prune((1, 100))
        with self.assertRaises(BadNote):
            Pruned(self.trail.pruned[0]["note"], read_keys(secrets_file.verifier_key(NAME, bytes(32))))

    def test_another_company_s(self):
        self.prune((1, 100), tenant=OTHER)
        self.assertRefused(self.trail.pruned[0]["id"], 1)

    def test_a_checkpoint_is_none(self):
        self.prune((1, 100))
        self.trail.pruned[0]["note"] = self.trail.checkpoints[0]["note"]
        self.assertRefused(self.trail.pruned[0]["id"])

    def test_the_row_says_otherwise(self):
        self.prune((1, 100))
        honest = self.trail.pruned[0]
        for altered in ({"class": "y7"}, {"month": "2024-10-01"}, {"month": None}, {"count": 99}, {"count": "100"}):
            with self.subTest(altered):
                self.trail.pruned = [{**honest, **altered}]
                self.assertRefused(honest["id"], 1)

    def test_signed_twice(self):
        self.prune((1, 100))
        self.prune((100, 120))
        self.assertRefused(None, 100)
        self.trail.pruned = [self.trail.pruned[0], {**self.trail.pruned[0], "id": "01936f2a-4c80-7000-8000-00000000000f"}]
        self.assertRefused(None, 1)

    def test_there_all_the_same(self):
        self.trail.pruned = [self.signer.pruned([(5, 9)])]
        self.assertRefused(self.trail.rows[4]["id"], 5)

    def test_never_in_the_tree(self):
        self.trail.pruned = [self.signer.pruned([(601, 610)])]
        self.assertRefused(None, 601)

    def test_the_hash_of_a_pruned_entry_is_gone(self):
        self.prune((1, 100))
        del self.trail.tiles[0, 0]
        self.assertFound("tile", 1)

    def test_the_hash_of_a_pruned_entry_is_another(self):
        self.prune((1, 100))
        self.trail.tiles[0, 0] = bytes(32) + self.trail.tiles[0, 0][32:]
        self.assertFound("root", 100)

    def test_ranges_that_are_none(self):
        for ranges, count in (
                ([(9, 5)], 5), ([(5, 9), (8, 12)], 10), ([(8, 12), (5, 6)], 7), ([(0, 4)], 5), ([(5, 9)], 4), ([("05", 9)], 5), ([("", 9)], 5),
                ([(5, "9,")], 5)):
            with self.subTest(ranges), self.assertRaises(BadNote):
                Pruned(self.signer.pruned(ranges, count=count)["note"], self.signer.keys)
        self.assertEqual(Pruned(self.signer.pruned([(5, 5), (6, 9)])["note"], self.signer.keys).ranges, [(5, 5), (6, 9)])

    def test_lines_that_are_none(self):
        for kind, month in (("d90", None), ("hold", "2024-11-01"), ("d91", "2024-11-01"), ("d90", "2024-11-02"), ("d90", "2024-11-01\n")):
            with self.subTest(kind=kind, month=month), self.assertRaises(BadNote):
                Pruned(self.signer.pruned([(5, 5)], kind, month)["note"], self.signer.keys)
        text = self.signer.pruned([(5, 5)])["note"].split("\n\n")[0] + "\n"
        for altered in (text + "more x\n", text.replace("at 2", "at x"), text.replace(NAME, "other"), text.replace(TENANT, "x"), "\n" + text):
            with self.subTest(altered), self.assertRaises(BadNote):
                Pruned(self.signer.sign(altered), self.signer.keys)


if __name__ == "__main__":
    unittest.main()
