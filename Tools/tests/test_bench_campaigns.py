"""The parts of ./penguin bench campaigns that decide: what a plan says, what a statement is asked with, how enrolments are divided."""

import csv
import json
import re
import tempfile
import unittest
from pathlib import Path

from bench.campaign_parts import claims, people, plans, seed
from bench.campaign_parts.company import Company, array
from bench.campaign_parts.measure import beside, percentile, percentiles
from penguin.layout import ROOT
from penguin.terminal import Failure

# Put together when they run: no source has them as they are.
COMPOSED = ("w.lead_id = any(", "order by w.lead_id limit", "order by w.lead_id desc limit")


def logged(root, query="select  1\n  from leads l", role="campaigns_worker", milliseconds="1.500"):
    """A plan as Postgres logs it: the text indented, its further lines behind a tab."""
    content = json.dumps({"Query Text": query, "Plan": root}, indent=2).replace("\n", "\n\t")
    return f"2026-11-27 09:00:00.123 UTC [42] {role}@penguinmails LOG:  duration: {milliseconds} ms  plan:\n\t{content}\n"


def node(kind, table=None, index=None, condition=None, plans=()):
    names = {"Node Type": kind, "Relation Name": table, "Index Name": index, "Index Cond": condition, "Plans": list(plans)}
    return {name: value for name, value in names.items() if value}


class PlanTests(unittest.TestCase):
    indexes = {"leads_pkey": plans.Index("leads", False), "enrolments_withdrawal": plans.Index("enrolments", True)}

    def read(self, text):
        return list(plans.read(text.splitlines(keepends=True)))

    def plan(self, root, **more):
        [plan] = self.read(logged(root, **more))
        return plan

    def test_plans_stand_between_other_lines(self):
        other = "2026-11-27 09:00:00.123 UTC [42] campaigns_api@penguinmails ERROR:  no\n\tgo on\n"
        found = self.read(other + logged(node("Result")) + other + logged(node("Sort"), role="campaigns_api", milliseconds="0.020"))
        self.assertEqual([(plan.role, plan.milliseconds) for plan in found], [("campaigns_worker", 1.5), ("campaigns_api", 0.02)])
        self.assertEqual(found[0].query, "select 1 from leads l")
        self.assertEqual(self.read(other), [])

    def test_big_tables_that_are_read_whole_are_found_however_deep(self):
        for root, expected in [
            (node("Seq Scan", "leads"), ["Seq Scan on leads"]),
            (node("Limit", plans=[node("Nested Loop", plans=[node("Seq Scan", "enrolments")])]), ["Seq Scan on enrolments"]),
            (node("Index Only Scan", "leads", "leads_pkey"), ["Index Only Scan of all of leads_pkey"]),
            (node("Bitmap Heap Scan", "leads", plans=[node("Bitmap Index Scan", index="leads_pkey")]), ["Bitmap Index Scan of all of leads_pkey"]),
            (node("Index Scan", "leads", "leads_pkey", "(tenant_id = $1)"), []),
            (node("Index Scan", "enrolments", "enrolments_withdrawal"), []),
            (node("Seq Scan", "campaigns"), []),
            (node("Index Scan", "campaigns", "campaigns_pkey"), []),
        ]:
            with self.subTest(root):
                self.assertEqual(plans.whole_reads(self.plan(root), self.indexes), expected)

    def test_a_fault_is_told_once_with_its_statement(self):
        bad = self.plan(node("Seq Scan", "leads"), query="select id from leads")
        told = plans.faults([bad, bad, self.plan(node("Result"))], self.indexes)
        self.assertEqual(told, ["Seq Scan on leads, as campaigns_worker: select id from leads"])

    def test_what_never_ran_is_named(self):
        seen = self.plan(node("Result"), query="select least( x order by due_at, id limit 1)")
        self.assertNotIn("next due", plans.unseen([seen]))
        self.assertEqual(len(plans.unseen([seen])), len(plans.STATEMENTS) - 1)
        # Another role's statement is another statement.
        self.assertIn("next due", plans.unseen([self.plan(node("Result"), query=seen.query, role="campaigns_api")]))

    def test_a_batch_is_its_page_and_what_follows(self):
        page, zones, insert = (
            "select w.lead_id as lead_id from lead_workspaces w where x order by w.lead_id limit $1", "select n.id, l.time_zone from unnest($1)",
            "insert into enrolments (tenant_id)")
        ran = [(zones, "9"), (page, "1"), (zones, "2"), (insert, "4"), (page, "8"), (page, "16"), (zones, "32"), (insert, "64"), (insert, "128")]
        found = [self.plan(node("Result"), query=query, milliseconds=milliseconds) for query, milliseconds in ran]
        self.assertEqual(plans.batches(found), [7, 112])

    def test_the_service_still_has_the_statements(self):
        """A word that stands nowhere in its sources would be missed only after minutes of measuring."""
        sources = [path.read_text() for kind in ("*.swift", "*.sql") for path in (ROOT / "Services" / "Campaigns").rglob(kind)]
        text = " ".join(" ".join(sources).split())
        for name, (_, *words) in plans.STATEMENTS.items():
            for word in words:
                self.assertTrue(word in COMPOSED or " ".join(word.split()) in text, f"{name}: {word}")


class ClaimTests(unittest.TestCase):
    values = {"tenant_id": "'t'", "campaign_id": "'c'", "due_at": "now()", "limit": "500"}

    def test_parameters_are_known_by_the_name_before_them(self):
        text = "select from e where e.tenant_id = $1 and e.campaign_id = $2 and e.due_at <= $3 order by e.id limit $4) join l on l.tenant_id = $5"
        self.assertEqual(claims.arguments(text, self.values), ["'t'", "'c'", "now()", "500", "'t'"])

    def test_a_parameter_that_nobody_knows_ends_it(self):
        for text in ["select from e where e.step = $1", "select from e where e.tenant_id = $1 and e.id = any($2)"]:
            with self.subTest(text), self.assertRaises(Failure):
                claims.arguments(text, self.values)

    def test_times_count_only_with_all_their_rows(self):
        turn = "Time: 2.500 ms\nrows 500\nTime: 1.500 ms\nrows 500\nTime: 0.250 ms\nrows 1\n"
        found = claims._read(turn * claims.TURNS)
        self.assertEqual((found.claims, found.next_due), ([4.0] * claims.TURNS, [0.25] * claims.TURNS))
        for answer in [turn, turn.replace("rows 500", "rows 499", 1) + turn * (claims.TURNS - 1)]:
            with self.assertRaises(Failure):
                claims._read(answer)


class SeedTests(unittest.TestCase):
    def test_the_parts_fit_into_the_campaign(self):
        for size in (10_000, 50_000, 250_000):
            mix = seed.Mix.ordinary(size)
            self.assertLessEqual(mix.bounds[-1][1], size)
            self.assertGreaterEqual(min(mix.due_in_thread, mix.due_new), seed.FEWEST_DUE)
            self.assertEqual([end for _, end in mix.bounds], sorted(end for _, end in mix.bounds))
        self.assertEqual(seed.Mix.ordinary(250_000), seed.Mix(250_000, 2_000, 18_000))

    def test_every_enrolment_has_a_place_of_its_own(self):
        size = 10_000
        self.assertEqual(sorted(number * seed.SHUFFLE % size for number in range(size)), list(range(size)))

    def test_a_lead_is_in_a_campaign_once_and_too_few_are_refused(self):
        self.assertEqual(seed.per_campaign(1_000_000, 5_000_000), 250_000)
        self.assertEqual(seed.per_campaign(20_000, 5_000_000), 20_000)
        for rows, enrolments in [(9_999, 5_000_000), (1_000_000, 199_980)]:
            with self.assertRaises(Failure):
                seed.per_campaign(rows, enrolments)

    def test_no_statement_keeps_a_gap(self):
        company = Company(None, "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222")
        texts = seed.statements(company, seed.Campaign("33333333-3333-3333-3333-333333333333", ["44444444-4444-4444-4444-444444444444"]), 3,
                                seed.Mix.ordinary(10_000), 4)
        for text in texts:
            self.assertIsNone(re.search(r"[{}]", text.replace("'{44444444-4444-4444-4444-444444444444}'", "")), text)

    def test_identifiers_as_an_array(self):
        self.assertEqual(array(["a", "b"]), "'{a,b}'::uuid[]")


class PeopleTests(unittest.TestCase):
    def test_the_file_has_each_person_once_with_all_columns(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "leads.csv")
            people.write(path, 2_000)
            with open(path, encoding="utf-8", newline="") as file:
                header, *rows = csv.reader(file)
        self.assertEqual(tuple(header), people.COLUMNS)
        self.assertEqual({len(row) for row in rows}, {8})
        self.assertEqual(len({row[0] for row in rows}), 2_000)
        self.assertEqual({row[6] for row in rows}, {"gold", "silver", "bronze"})
        self.assertTrue(all(0 <= int(row[7]) < people.LARGEST for row in rows))
        self.assertTrue(any("," in row[3] for row in rows))


class MeasureTests(unittest.TestCase):
    def test_percentiles_are_among_the_times(self):
        times = [float(number) for number in range(40, 0, -1)]
        self.assertEqual(percentile(times, 50), 20.5)
        self.assertLessEqual(percentile(times, 99), 40)
        self.assertEqual(percentile([3.0], 99), 3.0)

    def test_results_as_the_command_prints_them(self):
        self.assertEqual(beside("x", 2.0, "s", 1.0), {"name": "campaigns, x", "value": 2.0, "unit": "s", "beside": 1.0, "ratio": 2.0})
        self.assertEqual([result["name"] for result in percentiles("y", [1.0, 2.0], 4)], ["campaigns, y, p50", "campaigns, y, p99"])
