"""What a build with a sanitizer is told, and what is made of its reports."""

import unittest
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from penguin import sanitizers


class Tests(unittest.TestCase):
    def test_a_sanitizer_has_a_build_folder_of_its_own(self):
        self.assertEqual(sanitizers.arguments(None), [])
        self.assertEqual(sanitizers.arguments("thread"), ["--sanitize", "thread", "--scratch-path", str(sanitizers.ROOT / ".build-thread")])

    def test_reports_go_into_files_that_a_new_run_begins_without(self):
        with TemporaryDirectory() as folder, mock.patch.object(sanitizers, "ROOT", Path(folder)):
            stale = Path(folder) / ".build-thread" / "reports" / "report.1"
            stale.parent.mkdir(parents=True)
            stale.write_text("old")
            environment = sanitizers.environment("thread")
            self.assertFalse(stale.exists())
            self.assertEqual(environment["PENGUIN_BUILD"], ".build-thread")
            self.assertIn(f"log_path={stale.parent}/report", environment["TSAN_OPTIONS"])
            self.assertEqual(sanitizers.reports("thread"), [])

    def test_each_report_is_told_in_a_line(self):
        with TemporaryDirectory() as folder, mock.patch.object(sanitizers, "ROOT", Path(folder)):
            sanitizers.environment("thread")
            report = Path(folder) / ".build-thread" / "reports" / "report.77"
            report.write_text("=====\nWARNING: ThreadSanitizer: data race (pid=77)\n  Write of size 8\n    #0 Pool.take() Pool.swift:10\n    #1 x\n")
            self.assertEqual(
                sanitizers.reports("thread"),
                [".build-thread/reports/report.77: WARNING: ThreadSanitizer: data race (pid=77); #0 Pool.take() Pool.swift:10"])


if __name__ == "__main__":
    unittest.main()
