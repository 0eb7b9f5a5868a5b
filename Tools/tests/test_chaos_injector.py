"""Faults are caused at their counts, undone when their time is over, and never twice; with a stack that is only pretended."""

import tempfile
import types
import unittest
from pathlib import Path
from unittest import mock

from chaos import injector
from chaos.ground import Places
from chaos.injector import Injector
from chaos.schedule import Fault
from penguin.layout import Layout, read_json


class InjectorTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="penguin-tools-")
        self.addCleanup(folder.cleanup)
        self.layout = Layout(folder.name)
        self.layout.make()
        self.places = Places(self.layout)
        self.places.folder.mkdir()
        self.now = 1_000.0
        self.sent = []
        self.is_away = False
        for name, value in (
                ("time", types.SimpleNamespace(monotonic=lambda: self.now)), ("can_fill_disks", lambda: False),
                ("send", lambda process, number: self.sent.append((process, int(number))) or True)):
            patch = mock.patch.object(injector, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def injector(self, *faults):
        stack = types.SimpleNamespace(layout=self.layout, process=lambda name: None if self.is_away else name)
        return Injector(stack, self.places, faults, lambda words: None)

    def test_a_fault_comes_at_its_count_and_not_before_and_once(self):
        faults = self.injector(Fault(1, 10, "kill", {"service": "auth"}), Fault(2, 20, "postgres-restart"))
        for count, expected in ((9, []), (10, [("auth", 9)]), (11, [("auth", 9)]), (25, [("auth", 9), ("postgres", 3)])):
            faults.step(count)
            self.assertEqual(self.sent, expected)
        self.assertTrue(faults.is_idle)

    def test_a_service_that_is_away_is_not_killed_again_and_one_that_stays_away_is_told(self):
        faults = self.injector(Fault(1, 10, "kill", {"service": "auth"}))
        self.is_away = True
        faults.step(10)
        self.now += injector.PATIENCE + 1
        self.assertEqual((faults.applied, faults.missed), ([], []))
        faults.step(10)
        self.assertEqual((len(faults.applied), len(faults.missed), faults.is_idle), (0, 1, True))

    def test_lines_are_cut_side_by_side_and_each_is_mended_in_its_time(self):
        cuts = [Fault(1, 1, "cut", {"line": "a>b", "how": "stall"}, 2), Fault(2, 2, "cut", {"line": "c>d", "how": "reset"}, 5)]
        faults = self.injector(*cuts)
        faults.step(1)
        faults.step(2)
        self.assertEqual(read_json(self.places.line_control), {"a>b": "stall", "c>d": "reset"})
        self.now += 3
        faults.step(2)
        self.assertEqual(read_json(self.places.line_control), {"c>d": "reset"})
        faults.end()
        self.assertEqual(read_json(self.places.line_control), {})

    def test_the_end_of_an_earlier_fault_of_the_mail_server_does_not_end_a_later_one(self):
        faults = self.injector(
            Fault(1, 1, "smtp-hang", {"fault": "hang-kept"}, 2), Fault(2, 2, "smtp-drop", {"fault": "drop-lost", "mails": 5}),
            Fault(3, 99, "smtp-tarpit", {"fault": "tarpit"}, 1))
        faults.step(1)
        faults.step(2)
        self.now += 3
        faults.step(3)
        self.assertEqual(read_json(self.places.sink_control), {"number": 2, "fault": "drop-lost", "mails": 5})
        faults.step(99)
        self.now += 2
        faults.step(99)
        self.assertEqual(read_json(self.places.sink_control), {"number": 3})

    def test_a_stopped_redis_stays_away_until_its_time_is_over(self):
        faults = self.injector(Fault(1, 1, "redis-stop", {}, 2))
        faults.step(1)
        self.assertTrue(self.layout.held("redis").exists())
        self.now += 3
        faults.step(1)
        self.assertFalse(self.layout.held("redis").exists())

    def test_when_nothing_more_will_come_what_is_left_comes_one_after_the_other(self):
        faults = self.injector(Fault(1, 50, "redis-stop", {}, 2), Fault(2, 60, "kill", {"service": "audit"}))
        faults.step(7, is_over=True)
        faults.step(7, is_over=True)
        self.assertEqual(self.sent, [("redis", 15)])
        self.now += 3
        faults.step(7, is_over=True)
        self.assertEqual(self.sent, [("redis", 15), ("audit", 9)])


if __name__ == "__main__":
    unittest.main()
