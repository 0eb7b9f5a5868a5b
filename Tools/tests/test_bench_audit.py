"""The parts of ./penguin bench audit that decide: sizes, events as they travel, what a plan says, what an answer says."""

import base64
import json
import re
import socket
import subprocess
import tempfile
import threading
import unittest
import uuid
from pathlib import Path
from types import SimpleNamespace

from bench import audit
from bench.audit_parts import asking, companies, entries, events, expiring, ingest, plans, searching
from bench.campaign_parts.plans import Plan
from penguin.layout import ROOT
from penguin.terminal import Failure


class CompanyTests(unittest.TestCase):
    def test_two_hundred_companies_share_the_entries_as_zipf_says(self):
        made = companies.all_of(5_000_000)
        *shared, exporter = made
        self.assertEqual(len(shared), companies.COMPANIES)
        self.assertAlmostEqual(sum(company.size for company in shared) / 5_000_000, 1, places=2)
        self.assertAlmostEqual(shared[0].size / 5_000_000, 0.17, places=2)
        self.assertEqual([company.size for company in shared], sorted((company.size for company in shared), reverse=True))
        self.assertAlmostEqual(exporter.size / companies.EXPORTED, 1, places=2)
        # Whoever searches and exports keeps everything.
        self.assertEqual((shared[0].number, shared[0].kept, exporter.kept), (companies.SEARCHER, "y7", "y7"))
        self.assertEqual(len({company.tenant for company in made}), len(made))

    def test_trees_end_with_a_whole_tile(self):
        for company in companies.all_of(companies.FEWEST):
            self.assertEqual(company.size % companies.TILE, 0)
            self.assertGreaterEqual(company.size, companies.TILE)
        signer = SimpleNamespace(note=lambda tenant, size, root: f"{tenant} {size}")
        tiles, head, *rest = companies.settled(companies.Company(7, 3 * companies.TILE, "y1"), signer)
        self.assertIn("1, 0, decode(repeat('00', 96)", tiles)
        self.assertIn("repeat('00', 64)", head)
        self.assertIn(f"{companies.identifier(7)} 768", " ".join(rest))
        with self.assertRaises(Failure):
            companies.all_of(companies.FEWEST - 1)

    def test_the_tables_are_the_services(self):
        text = Path(ROOT, "Services", "Audit", "Migrations", "m0004_trail_core.sql").read_text()
        for table, columns in entries.TABLES.items():
            body = text.split(f"create table {table} (")[1].split("\n)")[0]
            there = re.findall(r"^    (\w+) (?!key)\w+.*?[,\n]", body, re.MULTILINE)
            self.assertEqual([column.strip() for column in columns.split(",")], [name for name in there if name not in ("search", "primary")])

    def test_statements_have_no_gap_and_rare_words_have_their_distance(self):
        everybody = companies.all_of(companies.FEWEST)
        for text in [entries.of_company(everybody[0]), entries.of_company(everybody[1]), *entries.lapsed(companies.FEWEST)[:1]]:
            self.assertIsNone(re.search(r"\{(?!\})", text))
        self.assertIn(f"seq % {everybody[0].size // 800} = 0", entries.of_company(everybody[0]))
        self.assertNotIn("rarity", entries.of_company(everybody[1]))


class EventTests(unittest.TestCase):
    def test_an_event_is_what_the_service_takes(self):
        made = list(events.events(200, 1_000, 5, 3))
        self.assertEqual(len({identifier for identifier, _, _ in made}), 200)
        self.assertEqual([one[0] for one in made], sorted(one[0] for one in made))
        for identifier, kind, body in made:
            header = json.loads(body)["header"]
            self.assertEqual((header["id"], header["type"], uuid.UUID(identifier).version), (identifier, kind, 7))
            # The time in the identifier is the event's.
            self.assertEqual(header["occurred_at"], events.instant(uuid.UUID(identifier).int >> 80))
            self.assertIn(header["tenant"], [companies.identifier(1_000 + number) for number in range(5)])
        self.assertEqual(events.instant(1_800_000_000_007), "2027-01-15T08:00:00.007Z")

    def test_events_go_into_the_stream_and_a_refusal_is_told(self):
        for answer, is_taken in [(b"$3\r\n1-0\r\n", True), (b"-OOM no memory\r\n", False)]:
            heard = []
            with socket.create_server(("127.0.0.1", 0)) as server:
                def serve():
                    with server.accept()[0] as line:
                        heard.append(line.recv(65_536))
                        line.sendall(2 * answer)
                thread = threading.Thread(target=serve)
                thread.start()
                made = [("i1", "t", "{}"), ("i2", "t", "{}")]
                if is_taken:
                    events.publish(server.getsockname()[1], made)
                else:
                    with self.assertRaises(Failure):
                        events.publish(server.getsockname()[1], made)
                thread.join()
            self.assertTrue(heard[0].startswith(b"*9\r\n$4\r\nXADD\r\n$16\r\nevents:campaigns\r\n$1\r\n*\r\n$2\r\nid\r\n$2\r\ni1\r\n"))


class IngestTests(unittest.TestCase):
    def test_each_batch_is_one_commit_with_its_rows(self):
        parts = {table: {0: [f"{table}-a\n"], 1: [f"{table}-b\n"]} for table in entries.TABLES}
        text = ingest.script(parts)
        self.assertEqual((text.count("begin;"), text.count("commit;"), text.count("\\.\n")), (2, 2, 6))
        self.assertLess(text.index("trail_targets-a"), text.index("commit;"))
        self.assertGreater(text.index("trail_events-b"), text.index("commit;"))

    def test_what_the_database_says(self):
        self.assertEqual(ingest.read("100.5\n102.0\n7\n"), (7, 1.5))
        with self.assertRaises(Failure):
            ingest.read("100.5\n")


class PlanTests(unittest.TestCase):
    big, indexes = {"trail_events_y7_2026_11"}, {"of_events": "trail_events_y7_2026_11", "of_few": "trail_events_hold"}

    def plan(self, *nodes):
        return Plan("audit_api", 1.0, "select", {"Node Type": "Append", "Plans": list(nodes)})

    def test_partitions_that_are_read_whole_are_found(self):
        for node, expected in [
            ({"Node Type": "Seq Scan", "Relation Name": "trail_events_y7_2026_11"}, ["Seq Scan on trail_events_y7_2026_11"]),
            ({"Node Type": "Seq Scan", "Relation Name": "trail_events_hold"}, []),
            ({"Node Type": "Index Scan", "Index Name": "of_events"}, ["Index Scan of all of of_events"]),
            ({"Node Type": "Index Scan", "Index Name": "of_events", "Index Cond": "(id = $1)"}, []),
            ({"Node Type": "Index Scan", "Index Name": "of_few"}, []),
        ]:
            with self.subTest(node):
                self.assertEqual(plans.whole_reads(self.plan(node), self.big, self.indexes), expected)

    def test_a_statement_is_told_once(self):
        bad = self.plan({"Node Type": "Seq Scan", "Relation Name": "trail_events_y7_2026_11"})
        self.assertEqual(len(plans.faults([bad, bad, self.plan()], self.big, self.indexes)), 1)


class Pages:
    """Gives `count` entries in pages, each once but for a `repeated` first one."""

    def __init__(self, count, repeated=False):
        self._count, self._repeated = count, repeated

    def get(self, address):
        start = int((re.search(r"cursor=(\d+)", address) or [0, 0])[1])
        end = min(start + searching.PAGE, self._count)
        data = [{"id": 0 if self._repeated and number == start else number} for number in range(start, end)]
        return 1.0, {"data": data, "page": {"next": str(end) if end < self._count else None}}


class SearchTests(unittest.TestCase):
    def test_a_walk_ends_at_the_page_that_was_wanted_or_the_last_whole_one(self):
        for count, number in [(100_000, 7), (220, 4)]:
            walk = searching.Walk(Pages(count))
            walk.go(7)
            self.assertEqual((walk.number, walk.last), (number, searching.path(limit=searching.PAGE, cursor=searching.PAGE * (number - 1))))
            self.assertEqual(walk.second, searching.path(limit=searching.PAGE, cursor=searching.PAGE))
            self.assertEqual(walk.compare(2), [1.0, 1.0, 1.0])

    def test_an_entry_that_comes_twice_ends_it(self):
        for asker in (Pages(1_000, repeated=True), Pages(60)):
            with self.assertRaises(Failure):
                searching.Walk(asker).go(7)

    def test_a_token_says_who_asks_with_auths_signature(self):
        with tempfile.TemporaryDirectory() as folder:
            key = Path(folder, "auth.pem")
            subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
            parts = asking.signed(key, asking.claims({"role": "owner"}, 1_000)).split(".")
        head, content, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts)
        self.assertEqual(json.loads(head)["kid"], "auth")
        self.assertEqual(json.loads(content), {
            "iss": "auth", "aud": "audit", "iat": 1_000, "exp": 1_060, "use": "identity", "identity": {"role": "owner"}})
        self.assertEqual(len(signature), 64)


class ResultTests(unittest.TestCase):
    def test_notes_come_before_the_drop(self):
        self.assertEqual(len(expiring.retirement(False)), 1)
        note, drop = expiring.retirement(True)
        self.assertIn("insert into audit.trail_pruned", note)
        self.assertIn("trail_retire_month('d90'", drop)

    def test_results_as_the_command_prints_them(self):
        self.assertEqual(audit.beside("x", 2.0, "s", 1.0), {"name": "audit, x", "value": 2.0, "unit": "s", "beside": 1.0, "ratio": 2.0})
