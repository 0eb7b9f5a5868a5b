"""The parts of ./penguin bench billing that decide, and its load and its stub against each other."""

import hashlib
import hmac
import json
import re
import shutil
import threading
import unittest
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler
from unittest import mock

from bench import billing
from bench.billing_parts import companies, reserving, stub, webhooks
from penguin import services
from penguin.terminal import Failure

PGBENCH = """transaction type: /tmp/x.sql
scaling factor: 1
query mode: prepared
number of clients: 32
number of threads: 2
maximum number of tries: 1
duration: 8 s
number of transactions actually processed: 51234
number of failed transactions: 0 (0.000%)
latency average = 4.996 ms
initial connection time = 91.002 ms
tps = 6405.116823 (without initial connection time)
"""
WRK = """Running 8s test @ http://127.0.0.1:23456/rpc
  2 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    10.20ms    3.12ms  60.00ms   80.00%
  25088 requests in 8.01s, 6.20MB read
Requests/sec:   3132.08
Transfer/sec:    792.14KB
"""


class ReadingTests(unittest.TestCase):
    def test_the_rate_of_pgbench(self):
        self.assertEqual(reserving.read_pgbench(PGBENCH), 6405.116823)
        for other in ["", PGBENCH.replace("tps", "rate"), PGBENCH.replace("failed transactions: 0", "failed transactions: 3")]:
            with self.assertRaises(Failure):
                reserving.read_pgbench(other)

    def test_what_wrk_saw(self):
        self.assertEqual(reserving.read_wrk(WRK), (25088, 3132.08))
        for other in ["", WRK + "  Non-2xx or 3xx responses: 7\n", WRK + "  Socket errors: connect 0, read 1, write 0, timeout 0\n"]:
            with self.assertRaises(Failure):
                reserving.read_wrk(other)

    def test_webhooks_are_there_once_and_handled(self):
        self.assertIsNone(webhooks.read_counts("10|1|0|1.0|", 10, 4))
        self.assertIsNone(webhooks.read_counts("10|10|0||", 10, 4))
        self.assertEqual(webhooks.read_counts("10|0|0|2.0|an | in words", 10, 4), 2.0)
        for row in ["9|0|0|2.0|", "11|0|0|2.0|", "10|0|1|2.0|no such price"]:
            with self.assertRaises(Failure):
                webhooks.read_counts(row, 10, 4)

    def test_results_as_the_command_prints_them(self):
        self.assertEqual(billing.beside("x", 2.0, "s", 1.0), {"name": "billing, x", "value": 2.0, "unit": "s", "beside": 1.0, "ratio": 2.0})


class CompanyTests(unittest.TestCase):
    def test_a_company_is_the_same_everywhere(self):
        self.assertEqual(companies.company(17), "00000000-0000-4000-8000-000000000017")
        self.assertEqual(
            stub.subscription(17, 1_800_000_000)["customer"], companies.customer(17))
        lua = reserving.SCRIPT.read_text()
        self.assertIn('"00000000-0000-4000-8000-%012d"', lua)
        self.assertIn("'00000000-0000-4000-8000-' || lpad((:n)::text, 12, '0')", reserving.BARE)

    def test_statements_name_every_company(self):
        for statement in companies.seed()[:3]:
            self.assertIn(f"generate_series(0, {companies.COMPANIES}) n", statement)


class SignatureTests(unittest.TestCase):
    def test_as_stripe_signs(self):
        body, at = b'{"id": "evt_1"}', 1_800_000_000.9
        wanted = hmac.new(b"whsec_x", b"1800000000." + body, hashlib.sha256).hexdigest()
        self.assertEqual(webhooks.signature("whsec_x", body, at), f"t=1800000000,v1={wanted}")

    def test_every_tenth_event_comes_twice(self):
        bodies = webhooks.events("x", 2_000, 1_800_000_000)
        identifiers = [json.loads(body)["id"] for body in bodies]
        self.assertEqual((len(bodies), len(set(identifiers))), (2_200, 2_000))
        self.assertTrue(all(re.fullmatch(r"evt_x_\d+", identifier) for identifier in identifiers))
        event = json.loads(bodies[1_000])
        self.assertEqual((event["api_version"], event["data"]["object"]["id"]), (stub.VERSION, "sub_bench1"))

    def test_all_are_delivered_whoever_sends(self):
        class Sender:
            def __init__(self):
                self.sent = []

            def send(self, body):
                self.sent.append(body)
                return float(body)

        senders = []

        def make():
            senders.append(Sender())
            return senders[-1]

        times, per_second = webhooks.deliver(make, [str(number).encode() for number in range(10)], 3)
        self.assertEqual(sorted(times), [float(number) for number in range(10)])
        self.assertEqual([len(sender.sent) for sender in senders], [4, 3, 3])
        self.assertGreater(per_second, 0)


class StubTests(unittest.TestCase):
    now = 1_800_000_000

    def test_reads_are_answered_and_nothing_else(self):
        for method, path, status, kind in [
            ("GET", "/v1/subscriptions/sub_bench7?expand[0]=items", 200, "subscription"), ("GET", "/v1/customers/cus_bench7", 200, "customer"),
            ("GET", "/v1/invoices/in_bench7", 200, "invoice"), ("GET", "/v1/subscriptions?customer=cus_bench7&status=all", 200, "list"),
            ("GET", "/v1/events?delivery_success=false", 200, "list"), ("GET", "/v1/subscriptions/sub_other", 404, None),
            ("GET", "/v1/charges/ch_1", 404, None), ("GET", "/", 404, None), ("POST", "/v1/customers", 400, None),
        ]:
            with self.subTest(f"{method} {path}"):
                answered, content = stub.answer(method, path, self.now)
                self.assertEqual((answered, content.get("object")), (status, kind))
        _, found = stub.answer("GET", "/v1/subscriptions?customer=cus_bench7", self.now)
        self.assertEqual([one["id"] for one in found["data"]], ["sub_bench7"])
        self.assertEqual(stub.answer("GET", "/v1/subscriptions?status=all", self.now)[1]["data"], [])

    def test_it_serves_on_this_machine(self):
        server = stub.serve(0)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.assertEqual(server.server_address[0], "127.0.0.1")
        address = f"http://127.0.0.1:{server.server_address[1]}"
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(f"{address}/v1/subscriptions/sub_bench3", timeout=10) as answer:
            self.assertEqual(answer.headers["Request-Id"], "req_bench")
            self.assertEqual(json.load(answer)["items"]["data"][0]["price"]["id"], stub.PRICE)
        with self.assertRaises(urllib.error.HTTPError) as refused:
            direct.open(urllib.request.Request(f"{address}/v1/customers", b"name=x"), timeout=10)
        refused.exception.close()
        self.assertEqual(refused.exception.code, 400)

    def test_it_runs_as_a_process_that_ends(self):
        with webhooks.Stripe() as stripe:
            self.assertEqual(stripe.settings["STRIPE_API_BASE"], f"http://127.0.0.1:{stripe.port}")
            self.assertLessEqual(set(stripe.settings), set(services.INHERITED_BY["billing"]))
            process = stripe._process
        self.assertIsNotNone(process.returncode)


class Recorder:
    """Answers every POST and keeps what it was sent."""

    def __init__(self):
        self.asked, self.authorizations = [], set()
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_POST(self):
                recorder.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                recorder.authorizations.add(self.headers["Authorization"])
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self._server = stub.Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/rpc"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def token(self):
        return "token"

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


@unittest.skipUnless(shutil.which("wrk"), "wrk is not installed")
@mock.patch.multiple(reserving, WARM_UP=1, SECONDS=1, AT_ONCE=4)
class LoadTests(unittest.TestCase):
    """The callers, with somebody else in Billing's place and its rows counted from what was asked."""

    def setUp(self):
        self.service = Recorder()
        self.addCleanup(self.service.stop)

    def rate(self, lost=0):
        service = self.service

        class Sql:
            def value(self, statement):
                label = re.search(r"like '(\w+-)%'", statement).group(1)
                return str(sum(call["params"]["key"].startswith(label) for call in service.asked) - lost)

        return reserving.Reserving(service, Sql()).rate(3, 5)

    def test_each_call_has_a_key_of_its_own_and_a_company_of_the_range(self):
        self.assertGreater(self.rate(), 0)
        keys = [call["params"]["key"] for call in self.service.asked]
        self.assertEqual(len(set(keys)), len(keys))
        self.assertEqual({key.partition("-")[0] for key in keys}, {"bench1", "bench2"})
        self.assertEqual({call["params"]["tenant"] for call in self.service.asked}, {companies.company(number) for number in (3, 4, 5)})
        self.assertEqual({(call["method"], call["params"]["count"]) for call in self.service.asked}, {("billing.reserveMail", 1)})
        self.assertEqual(self.service.authorizations, {"Bearer token"})

    def test_an_answer_without_a_row_does_not_count(self):
        with self.assertRaises(Failure):
            self.rate(lost=5)
