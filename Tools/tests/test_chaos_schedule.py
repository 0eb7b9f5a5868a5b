"""The faults of a seed: always the same, all kinds, at counts that come while mail is on its way."""

import unittest
from collections import Counter

from chaos.command import SHORT, SHORT_KINDS, SHORT_SEED
from chaos.schedule import KINDS, LINES, SERVICES, schedule


class ScheduleTests(unittest.TestCase):
    def test_the_same_seed_gives_the_same_faults(self):
        self.assertEqual(schedule(7, 20_000, 60), schedule(7, 20_000, 60))
        self.assertNotEqual(schedule(7, 20_000, 60), schedule(8, 20_000, 60))

    def test_faults_come_in_order_between_the_first_and_the_last_mails(self):
        for seed in range(200):
            points = [fault.at for fault in schedule(seed, 1_000, len(KINDS))]
            self.assertEqual(points, sorted(points))
            self.assertTrue(50 <= points[0] and points[-1] <= 900, points)

    def test_every_kind_comes_before_one_comes_again(self):
        for seed in range(50):
            counts = Counter(fault.kind for fault in schedule(seed, 20_000, 5 * len(KINDS)))
            self.assertEqual(set(counts.values()), {5})
            self.assertEqual(set(counts), set(KINDS))

    def test_every_service_is_killed_and_every_line_cut_before_one_is_again(self):
        faults = schedule(3, 20_000, len(SERVICES), ("kill",))
        self.assertEqual({fault.detail["service"] for fault in faults}, set(SERVICES))
        faults = schedule(3, 20_000, len(LINES), ("cut",))
        self.assertEqual({fault.detail["line"] for fault in faults}, set(LINES))

    def test_the_short_run_has_every_kind_and_the_faults_that_matter_most(self):
        faults = schedule(SHORT_SEED, SHORT["mails"], SHORT["faults"], SHORT_KINDS)
        self.assertEqual({fault.kind for fault in faults}, set(KINDS))
        self.assertLessEqual({"delivery", "campaigns"}, {fault.detail["service"] for fault in faults if fault.kind == "kill"})
        self.assertIn("delivery>postgres", {fault.detail["line"] for fault in faults if fault.kind == "cut"})
        self.assertIn("hang-kept", {fault.detail["fault"] for fault in faults if fault.kind == "smtp-hang"})

    def test_what_lasts_ends_and_what_counts_mails_has_some(self):
        for fault in schedule(5, 20_000, 120):
            limits = KINDS[fault.kind][1]
            self.assertEqual(fault.seconds > 0, limits is not None, fault)
            if limits:
                self.assertTrue(limits[0] <= fault.seconds <= limits[1], fault)
            self.assertEqual("mails" in fault.detail, fault.kind in ("smtp-drop", "smtp-later", "smtp-refuse"))

    def test_only_what_was_asked_for_comes_and_an_unknown_fault_is_named(self):
        self.assertEqual({fault.kind for fault in schedule(1, 1_000, 9, ("clock", "cut"))}, {"clock", "cut"})
        with self.assertRaisesRegex(ValueError, "no fault flood"):
            schedule(1, 1_000, 9, ("clock", "flood"))

    def test_a_fault_says_what_it_is(self):
        words = {fault.kind: str(fault) for fault in schedule(2, 1_000, len(KINDS))}
        self.assertRegex(words["kill"], "^kill (auth|billing|campaigns|delivery|audit)$")
        self.assertRegex(words["clock"], r"^clock [a-z]+ [+-]\d+ s for \d\.\d s$")
        self.assertRegex(words["smtp-drop"], r"^smtp-drop drop-(kept|lost) for \d+ mails$")


if __name__ == "__main__":
    unittest.main()
