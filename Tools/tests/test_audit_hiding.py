"""What searches and filters find an entry by: whoever changes it hides the entry, and leaves all that is hashed as it was."""

import unittest

from penguin.audit_entry import core, target_keys, words
from tests.audit_support import SignedTrail, golden

# Of the golden leaf.
WORDS = "template.create template create campaigns.template.created u1 template t1 list l\u00f6"
KEYS = ["list:l\u00f6", "l\u00f6", "t1", "template:t1"]


class Vectors(unittest.TestCase):
    def test_what_finds_it(self):
        content = core(golden("leaf")["row"])
        self.assertEqual(words(content), WORDS)
        self.assertEqual(target_keys(content), KEYS)
        content.update(action="a..b", targets=[{"type": "t", "id": text} for text in ("x", "t:x", "x", "e\u0301", "\u00e9")])
        self.assertEqual(words(content).split(" ")[:3], ["a..b", "a", "b"])
        self.assertEqual(target_keys(content), ["e\u0301", "t:e\u0301", "t:t:x", "t:x", "x"])


class Hiding(SignedTrail):
    def test_the_row_of_the_details_is_gone(self):
        self.trail.rows[6].update(dict.fromkeys(
            ("actor_name", "target_names", "address", "user_agent", "changes", "metadata", "salts", "words")))
        self.assertFound("details", 7, self.trail.rows[6]["id"])

    def test_words_that_would_hide_it(self):
        row = self.trail.rows[6]
        for altered in ("", row["words"] + " more", row["words"].replace("template", "plate")):
            with self.subTest(altered):
                self.trail = self.original.copy()
                self.trail.rows[6]["words"] = altered
                self.assertFound("words", 7, row["id"])

    def test_keys_of_targets_that_would_hide_it(self):
        row = self.trail.rows[6]
        for altered in ([], row["target_keys"][1:], [*row["target_keys"], "zzz"], ["x", *row["target_keys"][1:]]):
            with self.subTest(altered):
                self.trail = self.original.copy()
                self.trail.rows[6]["target_keys"] = altered
                self.assertFound("targets", 7, row["id"])

    def test_keys_of_targets_that_no_entry_has(self):
        self.trail.strays = 1
        self.assertFound("targets", None)
        self.trail.rows, self.trail.checkpoints, self.trail.tiles, self.trail.head = [], [], {}, None
        self.assertFound("checkpoint", None)


if __name__ == "__main__":
    unittest.main()
