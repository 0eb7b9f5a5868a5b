"""What ./penguin test makes of what the runners print."""

import io
import unittest
from contextlib import redirect_stdout

from penguin import testing
from penguin.testing import Result


class Tests(unittest.TestCase):
    def noted(self, line):
        told = []
        testing._note(line + "\n", told)
        return told

    def test_what_tells_of_a_failure_is_kept(self):
        for line in (
            '✘ Test "a mail is sent once" recorded an issue at SendTests.swift:12:5: Expectation failed: (1) == (2)',
            '✘ Test "a mail is sent once" failed after 0.100 seconds with 1 issue.',
            "Services/Billing/Main.swift:24:15: error: [Rule] revise this",
            "FAIL: test_x (tests.test_y.Tests)",
        ):
            self.assertEqual(self.noted(line), [line])

    def test_what_tells_of_none_is_not(self):
        for line in (
            '✔ Test "what failed after 3 seconds is tried again" passed after 0.1 seconds.',
            "✘ Test run with 940 tests in 166 suites failed after 746.528 seconds with 1 issue.",
            "Services/Auth/Retention.swift:37:23: warning: no 'async' operations occur",
            "{\"level\":\"error\",\"message\":\"error: none\"}",
        ):
            self.assertEqual(self.noted(line), [])

    def test_the_end_says_again_what_failed(self):
        output = io.StringIO()
        with redirect_stdout(output):
            self.assertFalse(testing._run([("lint", lambda: Result(0, 1, ["A.swift:1:2: error: no"])), ("tools", lambda: Result(3, 0))]))
        lines = output.getvalue().splitlines()
        self.assertIn("  lint: A.swift:1:2: error: no", lines)
        self.assertEqual(lines[-1], "3 passed, 1 failed")


if __name__ == "__main__":
    unittest.main()
