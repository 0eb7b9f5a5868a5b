"""The sizing page says what its formulas say, and they say what follows from the figures."""

import dataclasses
import unittest

import yaml

from penguin import deploy
from penguin.layout import ROOT, SERVICES
from scale import measure, sizing
from scale.sizing import Size

PAGE = (ROOT / "docs" / "scale.md").read_text()


class SizingTests(unittest.TestCase):
    def test_the_page_has_the_tables(self):
        self.assertIn(sizing.tables(), PAGE)

    def test_the_page_has_the_figures(self):
        for figure in (sizing.LEAD, sizing.ENROLMENT, sizing.MAIL_KEPT, sizing.MAIL_JOB, sizing.ENTRY):
            self.assertIn(f"{figure:,}", PAGE)
        self.assertIn(f"{sizing.MAIL_WAL / 1000:g} kB a mail", PAGE)

    def test_a_hundred_million_mails(self):
        size = Size(mails=100_000_000, tenants=10_000, leads=100_000_000)
        self.assertAlmostEqual(size.mails_a_second, 2 * 100_000_000 / (22 * 8 * 3_600))
        self.assertAlmostEqual(size.requests_a_second, 10_000 * 5 * 0.5 / 10)
        # The ledger and its enrolments, and twenty million entries of the trail.
        self.assertAlmostEqual(size.monthly_bytes, 1e8 * 1_451 + 1e8 / 3 * 1_000 + 2e7 * 3_342, delta=1)

    def test_everything_grows_with_its_cause(self):
        small, large = sizing.SIZES[0], dataclasses.replace(sizing.SIZES[0], mails=10 * sizing.SIZES[0].mails)
        self.assertAlmostEqual(large.cores["mail"], 10 * small.cores["mail"])
        self.assertEqual(large.cores["requests"], small.cores["requests"])
        self.assertGreater(large.monthly_bytes, small.monthly_bytes)

    def test_the_example_has_the_connections_that_the_page_counts(self):
        shared = next(document for document in deploy.Manifests().documents if document["kind"] == "ConfigMap")["data"]
        for service in SERVICES:
            deployment = next(yaml.safe_load_all((deploy.FOLDER / f"{service}.yaml").read_text()))
            main, = deployment["spec"]["template"]["spec"]["containers"]
            own = {line["name"]: line.get("value") for line in main["env"]}
            worker = own.get("POSTGRES_WORKER_CONNECTIONS", shared.get("POSTGRES_WORKER_CONNECTIONS", "8"))
            self.assertEqual((deployment["spec"]["replicas"], int(worker)), sizing.EXAMPLE[service], service)
            self.assertNotIn("POSTGRES_API_CONNECTIONS", {*own, *shared})
        self.assertIn(f"needs {sizing.connections()} at most", PAGE)

    def test_numbers_are_told_with_two_digits(self):
        self.assertEqual([sizing._few(number) for number in (0.0052, 5.234, 52.4, 5_234)], ["0.0052", "5.2", "52", "5,200"])
        self.assertEqual([sizing._bytes(number) for number in (5_800, 2.13e6, 3.1e12)], ["5.8 kB", "2.1 MB", "3.1 TB"])


class MeasureTests(unittest.TestCase):
    def test_what_came_is_told_with_the_most_first(self):
        before = {"a": [10, 1], "gone": [5, 5], "same": [7, 7]}
        self.assertEqual(measure.grown(before, {"a": [30, 3], "new": [100, 4], "same": [7, 7]}), [("new", 100, 4), ("a", 20, 2)])


if __name__ == "__main__":
    unittest.main()
