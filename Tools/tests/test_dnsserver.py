"""The development DNS server: what it answers from its zone, and how the demo's records come into it."""

import tempfile
import unittest

from dnslib import QTYPE, RCODE, DNSRecord

from dnsserver.answers import answer
from dnsserver.zone import Zone
from penguin import dns
from penguin.layout import Layout, write_private_json


class DNSServerTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="penguin-dns-")
        self.addCleanup(folder.cleanup)
        self.layout = Layout(folder.name)
        self.layout.make()

    def ask(self, name, kind, over_tcp=False):
        reply = answer(Zone(self.layout.zone), DNSRecord.question(name, kind).pack(), over_tcp)
        return reply and DNSRecord.parse(reply)

    def test_records_aliases_and_names_that_are_not_there(self):
        write_private_json(self.layout.zone, {
            "a.example": {"TXT": ["x" * 600, ["one", "two"]], "A": ["192.0.2.1"]}, "alias.example": {"CNAME": ["A.example"]},
            "deep.below.example": {"A": ["192.0.2.2"]},
        })
        texts = [b"".join(record.rdata.data) for record in self.ask("A.Example.", "TXT", over_tcp=True).rr]
        self.assertEqual(texts, [b"x" * 600, b"onetwo"])
        self.assertEqual([QTYPE[record.rtype] for record in self.ask("alias.example", "A").rr], ["CNAME", "A"])
        self.assertEqual(self.ask("below.example", "A").header.rcode, RCODE.NOERROR)
        self.assertEqual(self.ask("nobody.example", "A").header.rcode, RCODE.NXDOMAIN)
        # Larger than a datagram may be.
        self.assertTrue(self.ask("a.example", "TXT").header.tc)

    def test_faults(self):
        faults = ("servfail", "refused", "silent", "garbage", "truncated", "stuck")
        write_private_json(self.layout.zone, {f"{fault}.example": {"fault": fault, "A": ["192.0.2.1"]} for fault in faults})
        self.assertEqual(self.ask("servfail.example", "A").header.rcode, RCODE.SERVFAIL)
        self.assertEqual(self.ask("refused.example", "A").header.rcode, RCODE.REFUSED)
        self.assertIsNone(self.ask("silent.example", "A"))
        for fault in ("truncated", "stuck"):
            self.assertTrue(self.ask(f"{fault}.example", "A").header.tc)
        self.assertEqual(len(self.ask("truncated.example", "A", over_tcp=True).rr), 1)
        self.assertIsNone(self.ask("stuck.example", "A", over_tcp=True))
        self.assertIsNone(answer(Zone(self.layout.zone), b"nonsense", False))

    def test_what_is_published_is_answered_and_stays_beside_others(self):
        for domain in ("one.example", "two.example"):
            dns.publish(self.layout, domain, [
                {"type": "TXT", "name": f"_dmarc.{domain}", "value": "v=DMARC1; p=none"}, {"type": "MX", "name": domain, "value": None},
                {"type": "CNAME", "name": f"track.{domain}", "value": "localhost"}, {"type": "TXT", "name": "<selector>", "value": None},
            ])
        for domain in ("one.example", "two.example"):
            self.assertEqual(len(self.ask(f"_dmarc.{domain}", "TXT").rr), 1)
            self.assertEqual(str(self.ask(domain, "MX").rr[0].rdata), f"10 mail.{domain}.")
        self.assertEqual(self.layout.zone.stat().st_mode & 0o777, 0o600)
