"""How the Swift tests are divided among processes."""

import re
import unittest

from penguin import swift_tests


def listing(**targets):
    return "\n".join(f"{target}.{suite}/test{number}()" for target, suites in targets.items() for suite, tests in suites.items() for number in range(tests))


class Tests(unittest.TestCase):
    def test_every_suite_is_in_one_share_and_no_share_is_large(self):
        shares = swift_tests.shares(listing(A={"One": 50, "Two": 20, "Three": 5}, B={"Alone": 200}))
        suites = [(share.target, suite) for share in shares for suite in share.suites]
        self.assertEqual(sorted(suites), [("A", "One"), ("A", "Three"), ("A", "Two"), ("B", "Alone")])
        self.assertEqual(shares[0].tests, 200)
        self.assertTrue(all(share.tests <= swift_tests.SHARE or len(share.suites) == 1 for share in shares))

    def test_what_takes_longest_begins_first(self):
        shares = swift_tests.shares(listing(SystemTests={"Journey": 2, "Outage": 3}, A={"One": 50}))
        self.assertEqual([share.suites for share in shares], [("Outage",), ("Journey",), ("One",)])

    def test_a_test_without_a_suite_counts_too(self):
        self.assertEqual(swift_tests.shares("A.alone()\n")[0].suites, ("alone",))

    def test_a_filter_takes_its_suites_and_not_those_whose_names_begin_alike(self):
        share = swift_tests.Share("Mail", ("Send", "alone"), 2)
        taken = [name for name in ("Mail.Send/x()", "Mail.SendMore/x()", "Mail.alone()", "OtherMail.Send/x()") if re.search(share.filter, name)]
        self.assertEqual(taken, ["Mail.Send/x()", "Mail.alone()"])


if __name__ == "__main__":
    unittest.main()
