"""The checks that ./penguin test makes, and the way the demo counts: each must see what it is there to see."""

import tempfile
import unittest
from pathlib import Path, PurePath
from types import SimpleNamespace

from penguin import checks, closing
from penguin.mailbox import Mailbox
from penguin.routes import RouteTable
from penguin.terminal import Failure

MODULES = {"Auth", "Billing", "Campaigns", "Delivery", "Audit"}


def table(*lines):
    return RouteTable({"rate_zones": {}, "routes": list(lines)})


class BoundaryTests(unittest.TestCase):
    def faults(self, path, source):
        return checks.import_faults(PurePath(path), source, MODULES)

    def test_no_service_imports_another(self):
        self.assertEqual(self.faults("Services/Auth/A.swift", "import Auth\nimport HTTP\n// import Billing\nlet x = \"import Billing\"\n"), [])
        for line in ["import Billing", "@testable import Billing", "public import Billing", "  import struct Billing.Plan", "@_exported public import Billing"]:
            self.assertEqual(len(self.faults("Services/Auth/A.swift", f"import HTTP\n{line}\n")), 1, line)
        self.assertEqual(len(self.faults("Shared/HTTP/A.swift", "import Audit\n")), 1)

    def test_contracts_is_a_leaf(self):
        self.assertEqual(self.faults("Shared/Contracts/A.swift", "public import Foundation\n"), [])
        self.assertEqual(len(self.faults("Shared/Contracts/A.swift", "import NIOCore\n")), 1)


class RouteTests(unittest.TestCase):
    def setUp(self):
        self.lines = [
            {"path": "/a", "service": "auth", "auth": "public", "live": True, "methods": ["GET"]},
            {"path": "/a/b", "service": "billing", "auth": "session", "live": True},
            {"path": "/c", "service": "audit", "auth": "session"},
        ]

    def faults(self, **answered):
        return checks.route_faults(table(*self.lines), answered)

    def test_what_fits(self):
        self.assertEqual(self.faults(auth=["GET /a", "GET /gateway/authenticate"], billing=["POST /a/b/{id}"]), [])

    def test_what_does_not(self):
        fitting = {"auth": ["GET /a"], "billing": ["POST /a/b"]}
        for service, line, words in [
            ("auth", "GET /elsewhere", "no line"), ("auth", "GET /a/b/x", "leads it to billing"), ("auth", "POST /a/x", "takes only GET"),
            ("audit", "GET /c", "not marked as live"),
        ]:
            faults = self.faults(**{**fitting, service: fitting.get(service, []) + [line]})
            self.assertEqual([words in fault for fault in faults], [True], faults)
        self.assertEqual(len(self.faults(auth=["GET /a"], billing=[])), 1)

    def test_tables_that_make_no_sense(self):
        good = {"path": "/a", "service": "auth", "auth": "public"}
        for change in [{"path": "a"}, {"service": "nobody"}, {"auth": "maybe"}, {"body": "lots"}, {"rate": "unknown"}, {"path": "/gateway/x"}]:
            with self.assertRaises(Failure, msg=str(change)):
                table({**good, **change})
        with self.assertRaises(Failure):
            table(good, good)


class CountingTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.maildir = Path(folder.name)
        (self.maildir / "new").mkdir()
        self.stored = 0

    def keep(self, recipient, message_id, sender="ada@penguin.example", at=2_000):
        self.stored += 1
        content = f"Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\nMessage-ID:\r\n <{message_id}>\r\n\r\nDelivered-To: body@example.com\r\n"
        (self.maildir / "new" / f"{at}.{self.stored}.localhost").write_bytes(content.encode())

    def problems(self, sent, held=0, total=None, **states):
        progress = {**dict.fromkeys(closing.STATES, 0), "sent": sent, "held": held, **states}
        progress["total"] = sum(progress.values()) if total is None else total
        journey = SimpleNamespace(
            leads={"rows": 5, "created": progress["total"], "updated": 0, "duplicates": 5 - progress["total"], "rejected": 0}, rejections=[],
            stored=lambda: [mail for mail in Mailbox(self.maildir, 1_000).mails() if mail.sender == "ada@penguin.example"], campaign="1",
            address="a", password="p", maildir=self.maildir)
        return closing.report(journey, progress, 2.0, closing.EXPECTED_ACTIONS, None, "https://localhost")["problems"]

    def test_all_accounted_for(self):
        self.keep("a@example.com", "1@x")
        self.keep("b@example.com", "2@x")
        self.keep("c@example.com", "3@x", sender="other@penguin.example")
        self.keep("d@example.com", "4@x", at=500)
        self.assertEqual(self.problems(2), [])
        self.assertEqual(self.problems(2, held=1), [])
        self.assertEqual(self.problems(1, held=1), [])

    def test_a_lost_mail_a_doubled_mail_and_unfinished_ones_are_seen(self):
        self.keep("a@example.com", "1@x")
        self.assertEqual(len(self.problems(2)), 1)
        self.assertEqual(len(self.problems(1, waiting=1)), 1)
        self.assertEqual(len(self.problems(1, total=2)), 1)
        self.keep("a@example.com", "1@x")
        self.assertEqual(len(self.problems(2)), 2)
