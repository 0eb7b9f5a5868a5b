"""The gateway's configuration under a real nginx, between a client and stubs of Auth and the services."""

import gzip
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import unittest

from penguin import gateway, openapi_pages
from penguin.layout import ROOT, SERVICES
from penguin.processes import program
from penguin.routes import RouteTable
from tests.support import Scratch, Server, Stub, eventually, free_port


def answer_as_auth(request):
    """Answers the gateway's question by what stands in the cookie; everything else as a service would."""
    if request["path"] != "/gateway/authenticate":
        return 200, {"Content-Type": "application/json"}, b'{"by":"auth"}' + b" " * 2_000
    who = request["headers"].get("cookie", "")
    if who == "session=good":
        return 200, {"X-Identity-Token": "token-for-" + request["headers"]["x-audience"]}, b""
    if who == "session=broken":
        return 500, {}, b""
    problem = who.partition("=")[2] or "unauthenticated"
    return 403, {"X-Auth-Problem": problem, **({"Retry-After": "17"} if problem == "slow" else {})}, b""


def answer_as_service(name):
    def answer(request):
        if request["path"].startswith("/api/v1/campaigns/forbidden"):
            return 403, {"Content-Type": "application/problem+json"}, b'{"type":"/problems/forbidden","by":"service"}'
        if request["path"].startswith("/u/"):
            return 200, {"Content-Type": "text/html", "Content-Security-Policy": "default-src 'none'; style-src 'self'"}, b"<p>"
        if request["path"].endswith("/large"):
            return 200, {"Content-Type": "application/json"}, b" " * 2_000
        return 200, {"X-Identity-Token": "leaked"}, name.encode()
    return answer


class GatewayGround(unittest.TestCase):
    """A gateway before stubs, and clients of it."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = Scratch()
        cls.table = RouteTable.load()
        cls.stubs = {name: Stub(answer_as_service(name)) for name in SERVICES if name != "auth"}
        cls.stubs["auth"] = Stub(answer_as_auth)
        cls.port = free_port()
        cls.servers = []
        cls.tracking = cls.scratch.path / "tracking"
        cls.tracking.mkdir()
        cls.start_nginx(cls.port, {name: stub.port for name, stub in cls.stubs.items()})
        cls.context = ssl.create_default_context(cafile=str(cls.scratch.authority))

    @classmethod
    def start_nginx(cls, port, upstreams):
        run = cls.scratch.path / f"run-{port}"
        run.mkdir()
        cls.plain = getattr(cls, "plain", None) or {}
        cls.plain[port] = free_port()
        place = gateway.Place(
            listen=f"127.0.0.1:{port}", names=("localhost", "127.0.0.1"), plain_listen=f"127.0.0.1:{cls.plain[port]}", https_port=port,
            tracking_certificates=cls.tracking, upstreams={name: f"127.0.0.1:{upstreams[name]}" for name in SERVICES},
            certificate=cls.scratch.path / "server.pem", key=cls.scratch.path / "server.key", run=run, console=ROOT / "Gateway" / "Console",
            description=openapi_pages.write(run / "openapi"), user="root" if os.getuid() == 0 else None)
        path = run / "nginx.conf"
        path.write_text(gateway.configuration(cls.table, place))
        command = [program("nginx", "nginx"), "-e", "stderr", "-p", str(run), "-c", str(path)]
        check = subprocess.run(command + ["-t"], capture_output=True, text=True)
        assert check.returncode == 0 and "[warn]" not in check.stderr, check.stderr
        cls.servers.append(Server(command, run / "log"))
        cls.logs = {**getattr(cls, "logs", {}), port: run / "log"}

        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        eventually(listens)

    @classmethod
    def tearDownClass(cls):
        for server in cls.servers:
            server.stop()
        for stub in cls.stubs.values():
            stub.stop()
        cls.scratch.remove()

    def setUp(self):
        for stub in self.stubs.values():
            stub.requests.clear()

    def ask(self, method, path, headers=None, body=None, port=None):
        connection = http.client.HTTPSConnection("localhost", port or self.port, context=self.context, timeout=20)
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response, content

    def ask_as(self, who, method, path, headers=None, **more):
        return self.ask(method, path, {"Cookie": f"session={who}", **(headers or {})}, **more)

    def expect_problem(self, answer, status, kind):
        response, content = answer
        self.assertEqual((response.status, response.headers["Content-Type"]), (status, "application/problem+json"), content)
        problem = json.loads(content)
        self.assertEqual((problem["type"], problem["status"]), (f"/problems/{kind}", status))
        self.assertEqual(problem["request_id"], response.headers["X-Request-ID"])
        self.assertEqual(response.headers["Cache-Control"], "no-store")
        return response


class GatewayTests(GatewayGround):
    # What the log keeps of people who read mail

    def test_of_readers_of_mail_the_log_says_neither_who_nor_what(self):
        for path in ["/t/o/opened-token", "/t/c/clicked-token", "/u/leaving-token"]:
            self.ask("GET", path, {"User-Agent": "ReadersOwnProgram/7"})
        self.ask("GET", "/api/v1/status", {"User-Agent": "KnownProgram/1"})
        log = self.logs[self.port]
        eventually(lambda: "KnownProgram/1" in log.read_text())
        lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        self.assertNotIn("ReadersOwnProgram", log.read_text())
        self.assertNotIn("-token", log.read_text())
        self.assertGreaterEqual(len([line for line in lines if line["service"] == "delivery" and "client" not in line]), 3)

    # Who is this request?

    def test_identity_comes_from_auth_and_from_nobody_else(self):
        forged = {"X-Identity-Token": "forged", "X-Auth-User": "root", "X-Auth-Problem": "none", "X-Audience": "audit", "X-Original-Method": "GET"}
        response, content = self.ask_as("good", "POST", "/api/v1/campaigns?x=1", {**forged, "X-CSRF-Token": "abc", "X-Request-ID": "mine"}, body=b"{}")
        self.assertEqual((response.status, content), (200, b"campaigns"))
        self.assertIsNone(response.headers["X-Identity-Token"])
        question = self.stubs["auth"].requests[0]["headers"]
        self.assertEqual(question["x-audience"], "campaigns")
        self.assertEqual((question["x-original-method"], question["x-original-uri"]), ("POST", "/api/v1/campaigns?x=1"))
        self.assertEqual(question["x-csrf-token"], "abc")
        self.assertEqual(self.stubs["auth"].requests[0]["method"], "GET")
        self.assertNotIn("x-identity-token", question)
        seen = self.stubs["campaigns"].requests[0]
        self.assertEqual((seen["path"], seen["length"]), ("/api/v1/campaigns?x=1", 2))
        self.assertEqual(seen["headers"]["x-identity-token"], "token-for-campaigns")
        self.assertEqual({name for name in seen["headers"] if name.startswith(("x-auth", "x-audience", "x-original"))}, set())
        self.assertNotEqual(seen["headers"]["x-request-id"], "mine")
        self.assertEqual(seen["headers"]["x-request-id"], response.headers["X-Request-ID"])
        self.assertEqual(question["x-request-id"], response.headers["X-Request-ID"])

    def test_public_routes_ask_nobody_and_forward_no_identity(self):
        response, content = self.ask("GET", "/api/v1/status", {"X-Identity-Token": "forged"})
        self.assertEqual((response.status, content), (200, b"audit"))
        self.assertEqual(self.stubs["auth"].requests, [])
        seen = self.stubs["audit"].requests[0]["headers"]
        self.assertNotIn("x-identity-token", seen)

    # One name for a request and what it causes

    def test_a_trace_goes_on_and_one_that_nobody_began_has_the_requests_name(self):
        known = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
        self.ask_as("good", "GET", "/api/v1/campaigns", {"traceparent": known})
        self.assertEqual(self.stubs["campaigns"].requests[-1]["headers"]["traceparent"], known)
        self.assertEqual(self.stubs["auth"].requests[-1]["headers"]["traceparent"], known)
        for bad in ["", "00-1-2-01", known.upper(), "00-" + "0" * 32 + known[35:], known[:36] + "0" * 16 + "-01", known + "-more", "01" + known[2:]]:
            with self.subTest(bad):
                response, _ = self.ask_as("good", "GET", "/api/v1/campaigns", {"traceparent": bad} if bad else {})
                request = response.headers["X-Request-ID"]
                self.assertEqual(self.stubs["campaigns"].requests[-1]["headers"]["traceparent"], f"00-{request}-{request[:16]}-01")
                self.assertEqual(self.stubs["auth"].requests[-1]["headers"]["traceparent"], f"00-{request}-{request[:16]}-01")
        log = self.logs[self.port]
        eventually(lambda: request in log.read_text())
        lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        self.assertEqual({line["trace_id"] for line in lines if line["request_id"] == request}, {request})
        self.assertIn(known[3:35], {line["trace_id"] for line in lines})

    def test_machine_routes_get_no_cookies(self):
        self.ask("POST", "/u/abc", {"Cookie": "session=good", "Authorization": "Bearer x"}, body=b"List-Unsubscribe=One-Click")
        seen = self.stubs["delivery"].requests[0]["headers"]
        self.assertNotIn("cookie", seen)
        self.assertNotIn("authorization", seen)

    def test_the_reason_of_auth_becomes_the_right_problem(self):
        for reason, status, kind in [
            ("unauthenticated", 401, "unauthenticated"), ("csrf_token", 403, "csrf_token"), ("csrf_origin", 403, "csrf_origin"),
            ("forbidden", 403, "forbidden"), ("never-heard", 403, "forbidden"),
            ("rate_limited", 429, "rate_limited"), ("unavailable", 503, "unavailable"), ("broken", 503, "unavailable"),
        ]:
            with self.subTest(reason):
                self.expect_problem(self.ask_as(reason, "POST", "/api/v1/leads", body=b"{}"), status, kind)
        self.assertEqual(self.stubs["campaigns"].requests, [])

    def test_a_refusal_of_the_service_passes_as_it_is(self):
        response, content = self.ask_as("good", "GET", "/api/v1/campaigns/forbidden")
        self.assertEqual((response.status, json.loads(content)["by"]), (403, "service"))

    # Which service?

    def test_every_line_leads_to_its_service(self):
        self.assertEqual({route.service for route in self.table.routes}, set(SERVICES))
        for route in self.table.routes:
            base = re.sub(r"\{[a-z_]+\}", "some-id", route.path)
            for path in [base + "below"] if base.endswith("/") else [base, base + "/below"]:
                with self.subTest(path):
                    eventually(lambda: self.ask_as("good", route.methods[0] if route.methods else "GET", path)[0].status == 200)
                    self.assertEqual(self.stubs[route.service].requests[-1]["path"], path)
                    self.assertEqual(self.table.route(path), route)

    def test_the_longest_path_wins_and_segments_are_whole(self):
        for path, service in [
            ("/api/v1/platform/admin/users/7/audit-trail", "audit"), ("/api/v1/platform/admin/users/7", "auth"),
            ("/api/v1/platform/admin/audit-events", "audit"), ("/webhooks/stripe", "billing"),
        ]:
            with self.subTest(path):
                self.ask_as("good", "POST", path)
                self.assertEqual([request["path"] for request in self.stubs[service].requests if "authenticate" not in request["path"]][-1:], [path])
        for path in ["/api/v1/leadsmith", "/api/v1/nothing", "/api/v1", "/u", "/gateway/authenticate", "/gateway/", "/nothing.html"]:
            with self.subTest(path):
                self.expect_problem(self.ask_as("good", "GET", path), 404, "not_found")

    def test_methods_that_a_line_does_not_take(self):
        self.expect_problem(self.ask("POST", "/api/v1/plans"), 405, "method_not_allowed")
        self.expect_problem(self.ask("POST", "/"), 405, "method_not_allowed")

    def test_paths_that_could_be_read_in_two_ways_are_refused(self):
        for path in [
            "//api/v1/plans", "/api//v1/plans", "/api/v1/billing/../plans", "/api/v1/plans/%2e%2e/billing", "/api/v1/plans%2fx", "/api/v1/plans/%5Cx",
            "/api/v1/./plans", "/api/v1/plans/..",
        ]:
            with self.subTest(path):
                self.expect_problem(self.ask("GET", path), 400, "invalid_request")
        self.assertEqual(self.stubs["billing"].requests, [])
        self.assertEqual(self.ask("GET", "/api/v1/status?next=//x/%2f..")[0].status, 200)

    # How much?

    def test_bodies_have_limits_and_imports_have_none(self):
        large = b"x" * (3 * 1024 * 1024)
        self.expect_problem(self.ask_as("good", "POST", "/api/v1/leads", body=large), 413, "too_large")
        response, _ = self.ask_as("good", "POST", "/api/v1/imports?workspace=1", body=large)
        self.assertEqual((response.status, self.stubs["campaigns"].requests[-1]["length"]), (200, len(large)))
        response, _ = self.ask_as("good", "POST", "/api/v1/imports", body=iter([large, large]))
        self.assertEqual((response.status, self.stubs["campaigns"].requests[-1]["length"]), (200, 2 * len(large)))

    def test_header_limits(self):
        self.expect_problem(self.ask("GET", "/api/v1/status", {"X-Long": "x" * 40_000}), 400, "invalid_request")
        for path in ("/api/v1/status?", "/nowhere?"):
            self.expect_problem(self.ask("GET", path + "x" * 40_000), 414, "address_too_long")

    def test_an_address_may_be_as_long_as_the_longest_query(self):
        query = "workspace=1&mapping=" + "%C3%A9" * 4_096
        for headers in ({}, {"X-Long": "x" * 20_000}):
            response, _ = self.ask_as("good", "POST", f"/api/v1/imports?{query}", headers, body=b"a")
            self.assertEqual(response.status, 200)
            self.assertTrue(self.stubs["campaigns"].requests[-1]["path"].endswith("%C3%A9"))

    def test_the_page_of_long_addresses_is_no_page_of_its_own(self):
        self.expect_problem(self.ask("GET", "/gateway/too-long"), 404, "not_found")

    def test_credentials_are_rate_limited(self):
        answers = [self.ask("POST", "/api/v1/auth/sign-in") for _ in range(60)]
        statuses = {response.status for response, _ in answers}
        self.assertEqual(statuses, {200, 429})
        refused = next(answer for answer in answers if answer[0].status == 429)
        self.assertIsNotNone(self.expect_problem(refused, 429, "rate_limited").headers["Retry-After"])

    # What else is said

    def test_every_answer_carries_the_security_headers(self):
        for path in ["/", "/api/v1/status", "/api/v1/leads", "/nowhere"]:
            with self.subTest(path):
                headers = self.ask("GET", path)[0].headers
                self.assertIn("max-age=", headers["Strict-Transport-Security"])
                self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
                self.assertEqual(headers["Referrer-Policy"], "no-referrer")
                self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
                self.assertIn("frame-ancestors 'none'", headers["Content-Security-Policy"])
        own = self.ask("GET", "/u/abc")[0].headers.get_all("Content-Security-Policy")
        self.assertEqual(own, ["default-src 'none'; style-src 'self'"])

    def test_the_console_is_there(self):
        response, content = self.ask("GET", "/")
        self.assertEqual((response.status, response.headers["Content-Type"]), (200, "text/html; charset=utf-8"))
        self.assertIn(b"/app.js", content)
        self.assertEqual(self.ask("GET", "/console.css")[0].headers["Content-Type"], "text/css; charset=utf-8")

    def test_the_console_draws_its_pages_itself(self):
        _, page = self.ask("GET", "/")
        for path in ["/login", "/register", "/two-factor", "/forgot-password", "/verify", "/invitation", "/dashboard", "/dashboard/workspaces/a%20b/campaigns?q=x"]:
            with self.subTest(path):
                response, content = self.ask("GET", path)
                self.assertEqual((response.status, content), (200, page))
                self.assertEqual(response.headers["Cache-Control"], "no-cache")
                self.assertIn("require-trusted-types-for 'script'", response.headers["Content-Security-Policy"])
        for path in ["/dashboards", "/log", "/screens/nothing.js", "/package.json"]:
            with self.subTest(path):
                self.expect_problem(self.ask("GET", path), 404, "not_found")
        self.expect_problem(self.ask("POST", "/dashboard"), 405, "method_not_allowed")

    def test_only_the_preview_of_mails_may_be_framed_and_it_is_sandboxed(self):
        headers = self.ask("GET", "/preview.html")[0].headers
        self.assertEqual(headers["X-Frame-Options"], "SAMEORIGIN")
        self.assertIn("sandbox allow-scripts", headers["Content-Security-Policy"])
        self.assertNotIn("allow-same-origin", headers["Content-Security-Policy"])
        self.assertEqual(self.ask("GET", "/dashboard")[0].headers["X-Frame-Options"], "DENY")

    def test_lit_is_there_and_nothing_beside_it(self):
        response, content = self.ask("GET", "/vendor/lit/lit-all.min.js")
        self.assertEqual((response.status, response.headers["Content-Type"]), (200, "text/javascript; charset=utf-8"))
        self.assertIn(b"LitElement", content)
        self.expect_problem(self.ask("GET", "/vendor/lit/package.json"), 404, "not_found")

    def test_text_is_compressed_and_secrets_are_not(self):
        ask = {"Accept-Encoding": "gzip"}
        self.assertEqual(self.ask("GET", "/core.js", ask)[0].headers["Content-Encoding"], "gzip")
        self.assertEqual(self.ask_as("good", "GET", "/api/v1/leads/large", ask)[0].headers["Content-Encoding"], "gzip")
        self.assertIsNone(self.ask("GET", "/api/v1/auth/large", ask)[0].headers["Content-Encoding"])

    def test_the_api_describes_itself(self):
        response, content = self.ask("GET", "/api/v1/openapi.json")
        self.assertEqual((response.status, response.headers["Content-Type"]), (200, "application/json"))
        self.assertEqual(response.headers["Cache-Control"], "public, max-age=300")
        self.assertIsNone(response.headers["Access-Control-Allow-Origin"])
        self.assertEqual(json.loads(content)["openapi"], "3.1.0")
        packed, short = self.ask("GET", "/api/v1/openapi.json", {"Accept-Encoding": "gzip"})
        self.assertEqual(packed.headers["Content-Encoding"], "gzip")
        self.assertEqual(gzip.decompress(short), content)
        self.expect_problem(self.ask("POST", "/api/v1/openapi.json"), 405, "method_not_allowed")

    def test_the_api_can_be_read_by_people(self):
        for path, kind in [
            ("/api/docs", "text/html; charset=utf-8"), ("/api/docs/", "text/html; charset=utf-8"), ("/api/docs/sessions.html", "text/html; charset=utf-8"),
            ("/api/docs/docs.css", "text/css; charset=utf-8"),
        ]:
            with self.subTest(path):
                response, content = self.ask("GET", path)
                self.assertEqual((response.status, response.headers["Content-Type"]), (200, kind))
                self.assertEqual(response.headers["Cache-Control"], "public, max-age=300")
                self.assertIn("style-src 'self'", response.headers["Content-Security-Policy"])
                for forbidden in (b"<script", b"style=", b"onclick"):
                    self.assertNotIn(forbidden, content)
        self.expect_problem(self.ask("GET", "/api/docs/nothing.html"), 404, "not_found")
        self.expect_problem(self.ask("POST", "/api/docs"), 405, "method_not_allowed")

    def test_services_that_are_away(self):
        port, nobody = free_port(), free_port()
        self.start_nginx(port, {**{name: nobody for name in SERVICES}, "auth": self.stubs["auth"].port})
        response = self.expect_problem(self.ask_as("good", "GET", "/api/v1/leads", port=port), 502, "bad_gateway")
        self.assertEqual(response.headers["Retry-After"], "2")
        self.expect_problem(self.ask("GET", "/api/v1/status", port=port), 502, "bad_gateway")
        without_auth = free_port()
        self.start_nginx(without_auth, {**{name: stub.port for name, stub in self.stubs.items()}, "auth": nobody})
        self.expect_problem(self.ask_as("good", "GET", "/api/v1/leads", port=without_auth), 503, "unavailable")
        self.assertEqual(self.ask("GET", "/api/v1/status", port=without_auth)[0].status, 200)

    def test_plain_http_is_told_so(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/api/v1/status")
        response = connection.getresponse()
        self.assertEqual(response.status, 400)
        self.assertIn(b"HTTPS", response.read())
        connection.close()
