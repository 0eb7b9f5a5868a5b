"""The gateway under names that are not its own: the tracking hosts of customers, and plain HTTP."""

import http.client
import json
import socket
import ssl

from penguin import certificates
from tests.support import eventually, free_port
from tests.test_gateway import GatewayGround


class TrackingHostTests(GatewayGround):
    """Names lead to this machine as a customer's CNAME would."""

    HOST = "track.acme.example"

    def certify(self, host, serial_of=None):
        """Writes what Delivery would: key and certificate in one file."""
        folder = self.scratch.path / f"issued-{host}-{serial_of or 1}"
        folder.mkdir()
        for name in ("ca.key", "ca.pem"):
            (folder / name).write_bytes((self.scratch.path / name).read_bytes())
        certificates.make(folder / "ca.pem", folder, {"host": [host]})
        partial = self.tracking / f".{host}.partial"
        partial.write_bytes((folder / "host.key").read_bytes() + (folder / "host.pem").read_bytes())
        partial.rename(self.tracking / f"{host}.pem")

    def greet(self, name, port=None):
        """The certificate that a client who asks for this name is shown."""
        context = ssl.create_default_context(cafile=str(self.scratch.authority))
        context.check_hostname = False
        plain = socket.create_connection(("127.0.0.1", port or self.port), timeout=10)
        with context.wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False) as secure:
            secure.do_handshake()
            return secure.getpeercert()

    def names(self, host):
        return {value for _, value in self.greet(host)["subjectAltName"]}

    def under(self, host, method, path, headers=None, body=None):
        """As a browser that knows the host by its name."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as plain:
            connection = http.client.HTTPConnection(host)
            connection.sock = self.context.wrap_socket(plain, server_hostname=host)
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            content = response.read()
            connection.close()
            return response, content

    def plainly(self, host, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.plain[self.port], timeout=10)
        connection.request("GET", path, headers={"Host": host})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response, content

    def test_a_host_shows_its_own_certificate_as_soon_as_it_is_there_and_the_newest(self):
        with self.assertRaises(ssl.SSLError):
            self.greet("track.new.example")
        self.certify("track.new.example")
        self.assertEqual(self.names("track.new.example"), {"track.new.example"})
        first = self.greet("track.new.example")["serialNumber"]
        self.certify("track.new.example", serial_of=2)
        self.assertNotEqual(self.greet("track.new.example")["serialNumber"], first)
        (self.tracking / "track.new.example.pem").unlink()
        with self.assertRaises(ssl.SSLError):
            self.greet("track.new.example")

    def test_any_other_name_and_none_are_shown_the_gateways_own(self):
        for name in ["unknown.example", "www.acme.example", "localhost", None]:
            with self.subTest(name):
                self.assertIn("localhost", self.names(name))

    def test_a_name_is_no_way_out_of_the_folder(self):
        (self.tracking.parent / "track.outside.pem").write_text("no certificate")
        for name in ["track.../outside", "track.%2e%2e", "track.x\\..\\y"]:
            with self.subTest(name):
                try:
                    self.assertIn("localhost", self.names(name))
                except (ssl.SSLError, ValueError):
                    pass

    def test_only_links_are_served_under_a_tracking_host(self):
        self.certify(self.HOST)
        for method, path in [("GET", "/t/c/token"), ("GET", "/t/o/token"), ("GET", "/u/token"), ("POST", "/u/token")]:
            with self.subTest(path):
                response, _ = self.under(self.HOST, method, path, {"Cookie": "session=good"})
                self.assertEqual(response.status, 200)
                seen = self.stubs["delivery"].requests[-1]
                self.assertEqual((seen["path"], seen["headers"]["host"]), (path, self.HOST))
                self.assertNotIn("cookie", seen["headers"])
                self.assertIsNone(response.headers["Strict-Transport-Security"])
                self.assertEqual(response.headers["X-Content-Type-Options"], "nosniff")
        for stub in self.stubs.values():
            stub.requests.clear()
        for path in ["/", "/index.html", "/login", "/api/v1/status", "/api/v1/leads", "/api/v1/auth/sign-in", "/status", "/gateway/authenticate", "/webhooks/stripe"]:
            with self.subTest(path):
                self.expect_problem(self.under(self.HOST, "GET", path, {"Cookie": "session=good"}), 404, "not_found")
        self.assertEqual([stub.requests for stub in self.stubs.values() if stub.requests], [])
        self.expect_problem(self.under(self.HOST, "GET", "/t/..%2fapi"), 400, "invalid_request")

    def test_the_host_that_is_asked_for_decides_whatever_the_handshake_said(self):
        self.certify("track.mixed.example")
        self.expect_problem(self.under("track.mixed.example", "GET", "/api/v1/status", {"Host": "track.mixed.example"}), 404, "not_found")
        self.expect_problem(self.ask("GET", "/api/v1/status", {"Host": "track.mixed.example"}), 404, "not_found")

    def test_over_plain_http_there_is_the_authoritys_question_and_nothing_else(self):
        response, content = self.plainly(self.HOST, "/.well-known/acme-challenge/token_1-x")
        self.assertEqual((response.status, content), (200, b"delivery"))
        seen = self.stubs["delivery"].requests[-1]
        self.assertEqual((seen["path"], seen["headers"]["host"]), ("/.well-known/acme-challenge/token_1-x", self.HOST))
        self.stubs["delivery"].requests.clear()
        for host, path in [(self.HOST, "/t/c/token"), ("localhost", "/api/v1/status?a=1"), (self.HOST, "/")]:
            with self.subTest(path):
                response, _ = self.plainly(host, path)
                self.assertEqual((response.status, response.headers["Location"]), (308, f"https://{host}:{self.port}{path}"))
        self.assertEqual(self.stubs["delivery"].requests, [])

    def test_what_is_asked_under_tracking_hosts_is_not_logged_by_who_asked(self):
        self.certify("track.quiet.example")
        self.under("track.quiet.example", "GET", "/nothing-here", {"User-Agent": "ReadersOwnProgram/8"})
        self.plainly("track.quiet.example", "/t/c/plain-token")
        self.ask("GET", "/api/v1/status", {"User-Agent": "KnownProgram/2"})
        log = self.logs[self.port]
        eventually(lambda: "KnownProgram/2" in log.read_text())
        self.assertNotIn("ReadersOwnProgram", log.read_text())
        self.assertNotIn("plain-token", log.read_text())
        self.assertTrue(all(json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")))

    def test_a_gateway_without_certificates_of_hosts_shows_its_own(self):
        port = free_port()
        held, type(self).tracking = self.tracking, None
        try:
            self.start_nginx(port, {name: stub.port for name, stub in self.stubs.items()})
        finally:
            type(self).tracking = held
        self.assertIn(("DNS", "localhost"), self.greet(self.HOST, port)["subjectAltName"])
