"""The doctor's checks with bad input, each code at least once; and that a whole examination never ends in a traceback."""

import base64
import contextlib
import io
import json
import re
import tempfile
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

from penguin import certificates, doctor, secrets_file
from penguin import doctor_checks as checks
from penguin import doctor_finding as finding
from penguin import doctor_probes as probes
from penguin import doctor_settings as rules
from penguin.layout import ROOT, SERVICES
from penguin.secrets_file import ROLES

GB = 2**30
NOW = datetime(2026, 5, 1, tzinfo=timezone.utc)


def said(found):
    """Codes and levels of what is not well."""
    return [(one.code, one.level) for one in (found if isinstance(found, list) else [found]) if one.level != finding.OK]


def settings(**changes):
    """Those of a deployment in which nothing is wrong."""
    values = {}
    for number, service in enumerate(SERVICES):
        values[service] = {
            "PUBLIC_HOST": "127.0.0.1", "INTERNAL_HOST": "127.0.0.1", "PUBLIC_PORT": str(8000 + number), "INTERNAL_PORT": str(9000 + number),
            "PUBLIC_BASE_URL": "https://app.penguin.example", "TOKEN_PRIVATE_KEY_FILE": "/k", "TOKEN_PUBLIC_KEYS_FILE": "/p",
            "ENCRYPTION_KEYS_FILE": "/e",
            **{f"POSTGRES_{kind}_PASSWORD": f"a long password {service} {kind}" for kind in ("OWNER", "API", "WORKER")},
            **{f"{peer.upper()}_RPC_URL": "http://127.0.0.1:1" for peer in SERVICES}}
    values["auth"].update({"MAIL_HOST": "mail.penguin.example", "MAIL_FROM": "no-reply@penguin.example"})
    for service, more in changes.items():
        values[service].update(more)
    return values


class SettingsTests(unittest.TestCase):
    def test_a_good_deployment_has_nothing_to_mend(self):
        values = settings()
        self.assertTrue(rules.is_production(values))
        for found in (rules.required(values), rules.base_url(values, True), rules.ports(values), rules.development(values, True),
                rules.passwords(values),
                      rules.mail(values), rules.connections(values, 300, 3)):
            self.assertEqual(said(found), [])

    def test_where_customers_are(self):
        for url, expected in (("https://localhost:8443", False), ("https://127.0.0.1", False), ("https://x.test", False), ("", False),
                ("https://app.example.com", True)):
            self.assertEqual(rules.is_production({"auth": {"PUBLIC_BASE_URL": url}}), expected, url)

    def test_what_lacks(self):
        values = settings(auth={"POSTGRES_API_PASSWORD": ""})
        del values["audit"]
        self.assertEqual(said(rules.required(values)), [("settings.service", "failure"), ("settings.required", "failure")])

    def test_addresses(self):
        for url in ("http://app.example.com", "https://app.example.com/app", "app.example.com", "", "https://192.0.2.7"):
            values = {service: {"PUBLIC_BASE_URL": url} for service in SERVICES}
            with self.subTest(url):
                self.assertEqual(said(rules.base_url(values, True)), [("settings.base_url", "failure")])
        self.assertEqual(said(rules.base_url(settings(audit={"PUBLIC_BASE_URL": "https://other.example"}), True)), [("settings.base_url", "failure")])

    def test_switches_of_a_developers_machine(self):
        for service, name, bad in (("delivery", "DELIVERY_SMTP_REACH", "anywhere"), ("delivery", "DELIVERY_DOMAINS_REQUIRED", "false"),
                ("audit", "LOG_LEVEL", "trace")):
            values = settings(**{service: {name: bad}})
            with self.subTest(name):
                self.assertEqual(said(rules.development(values, True)), [("settings.development", "failure")])
                self.assertEqual(rules.development(values, False), [])

    def test_passwords(self):
        self.assertEqual(said(rules.passwords(settings(auth={"POSTGRES_API_PASSWORD": "postgres"}))), [("passwords.weak", "failure")])
        self.assertEqual(said(rules.passwords(settings(auth={"POSTGRES_API_PASSWORD": "fifteen letters"}))), [("passwords.weak", "failure")])
        same = "the same long password"
        self.assertEqual(said(rules.passwords(settings(auth={"POSTGRES_API_PASSWORD": same}, audit={"POSTGRES_OWNER_PASSWORD": same}))),
            [("passwords.shared", "failure")])
        self.assertNotIn(same, rules.passwords(settings(auth={"POSTGRES_API_PASSWORD": same, "POSTGRES_WORKER_PASSWORD": same}))[0].found)

    def test_ports(self):
        self.assertEqual(said(rules.ports(settings(auth={"INTERNAL_PORT": "8001"}))), [("settings.ports", "failure")])
        inside = {service: {"PUBLIC_HOST": "0.0.0.0", "INTERNAL_HOST": "0.0.0.0", "PUBLIC_PORT": "8080",
            "INTERNAL_PORT": "9090"} for service in SERVICES}
        self.assertEqual(said(rules.ports(inside)), [])
        inside["auth"]["INTERNAL_PORT"] = "8080"
        self.assertEqual(said(rules.ports(inside)), [("settings.ports", "failure")])

    def test_connections(self):
        self.assertEqual(said(rules.connections(settings(), 97, 3)), [("postgres.connections", "failure")])
        self.assertEqual(said(rules.connections(settings(), 100, 3)), [("postgres.connections", "warning")])
        self.assertEqual(said(rules.connections(settings(), 300, 3, replicas=4)), [("postgres.connections", "failure")])

    def test_stripe(self):
        live = {"STRIPE_SECRET_KEY": "sk_live_x", "STRIPE_PUBLISHABLE_KEY": "pk_live_x", "STRIPE_WEBHOOK_SECRET": "whsec_a,whsec_b"}
        test = {name: value.replace("live", "test") for name, value in live.items()}
        self.assertEqual(said(rules.stripe(live, True)) + said(rules.stripe(test, False)) + said(rules.stripe({}, False)), [])
        self.assertEqual(said(rules.stripe({}, True)), [("stripe.keys", "warning")])
        for production, values, code in (
            (True, test, "stripe.mode"), (False, live, "stripe.mode"), (True, {**live, "STRIPE_PUBLISHABLE_KEY": "pk_test_x"}, "stripe.mode"),
            (True, {**live, "STRIPE_PUBLISHABLE_KEY": ""}, "stripe.publishable"), (True, {**live, "STRIPE_WEBHOOK_SECRET": ""}, "stripe.webhook"),
            (True, {**live, "STRIPE_WEBHOOK_SECRET": "whsec_a,sk_live_x"}, "stripe.webhook"),
            (False, {**test, "STRIPE_SECRET_KEY": "pk_test_x"}, "stripe.keys"),
        ):
            with self.subTest(code=code, values=values):
                self.assertEqual(said(rules.stripe(values, production)), [(code, "failure")])

    def test_mails_about_accounts(self):
        self.assertEqual(said(rules.mail({"auth": {}})), [("mail.accounts", "failure")])
        self.assertEqual(said(rules.mail({"auth": {"MAIL_PROVIDER": "loops"}})), [("mail.accounts", "failure")])
        self.assertEqual(said(rules.mail(settings(auth={"MAIL_SECURITY": "none"}))), [("mail.accounts", "warning")])

    def test_keyrings(self):
        key = base64.b64encode(bytes(32)).decode()
        self.assertEqual(said(rules.keyring("f", json.dumps({"current": "k1", "keys": {"k1": key}}))), [])
        for text in ("", "{}", "[]", "null", '{"current":"k1","keys":[]}', '{"current":"k1","keys":{"k1":5}}', '{"current":"k1","keys":{"k1":"%%%"}}',
                     json.dumps({"current": "k2", "keys": {"k1": key}}), json.dumps({"current": "k1", "keys": {"k1": key[:8]}}),
                     json.dumps({"current": "k.1", "keys": {"k.1": key}})):
            with self.subTest(text):
                self.assertEqual(said(rules.keyring("f", text)), [("keys.encryption", "failure")])

    def test_public_keys(self):
        good = {"keys": [{"kid": service, "x": service * 2} for service in SERVICES]}
        self.assertEqual(said(rules.public_keys("f", json.dumps(good), {"auth": "authauth"})), [])
        for text, own in (("", {}), ("{}", {}), ('{"keys":[{"kid":"auth","x":"a"}]}', {}), (json.dumps(good), {"audit": "another"})):
            with self.subTest(text):
                self.assertEqual(said(rules.public_keys("f", text, own)), [("keys.services", "failure")])

    def test_files(self):
        self.assertEqual(said(rules.file_mode("keys.mode", "f", 0o640, True)), [("keys.mode", "failure")])
        self.assertEqual(said(rules.file_mode("keys.mode", "f", 0o604, False)), [("keys.mode", "warning")])
        self.assertEqual(said(rules.file_mode("keys.mode", "f", 0o400, True)) + said(rules.age("keys.age", "f", 364)), [])
        self.assertEqual(said(rules.age("keys.age", "f", 366)), [("keys.age", "warning")])


class CheckTests(unittest.TestCase):
    def test_machine(self):
        self.assertEqual(said(checks.disk("/", GB / 2, 100 * GB)), [("host.disk", "failure")])
        self.assertEqual(said(checks.disk("/", 4 * GB, 10 * GB)), [("host.disk", "warning")])
        self.assertEqual(said(checks.memory(GB / 4)) + said(checks.memory(GB)), [("host.memory", "failure"), ("host.memory", "warning")])
        self.assertEqual(said(checks.open_files(1_024)), [("host.open_files", "warning")])
        self.assertEqual(said(checks.time_zones(False)), [("host.time_zones", "failure")])
        self.assertEqual(said(checks.clock("x", -31)) + said(checks.clock("x", 3)) + said(checks.clock("x", 1)),
            [("host.clock", "failure"), ("host.clock", "warning")])
        self.assertEqual(said(checks.taken_port("redis", 6379, None)), [("host.port", "failure")])
        self.assertEqual(said(checks.build("debug", True)) + said(checks.build("debug", False)), [("build.debug", "failure")])

    def test_postgres(self):
        good = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "server_encoding": "UTF8", "row_security": "on"}
        self.assertEqual(said(checks.postgres_settings(good)) + said(checks.postgres_settings({**good, "synchronous_commit": "remote_apply"})), [])
        for name, value, code in (("fsync", "off", "durability"), ("full_page_writes", "off", "durability"),
                ("synchronous_commit", "off", "durability"),
                                  ("synchronous_commit", "local", "durability"), ("server_encoding", "SQL_ASCII", "encoding"),
                                  ("row_security", "off", "row_security")):
            with self.subTest(name):
                self.assertEqual(said(checks.postgres_settings({**good, name: value})), [(f"postgres.{code}", "failure")])
        self.assertEqual(said(checks.postgres_settings({**good, "idle_in_transaction_session_timeout": "5000"})), [("postgres.timeouts", "warning")])
        self.assertEqual(said(checks.postgres_version(140_010)) + said(checks.postgres_version(150_000)), [("postgres.version", "failure")])
        rows = {role: [] for role in ROLES}
        self.assertEqual(said(checks.roles({**rows, "someone_api": ["rolsuper"]}, ROLES)), [])
        self.assertEqual(said(checks.roles({**rows, "auth_api": ["rolbypassrls"]}, ROLES)), [("postgres.roles", "failure")])
        self.assertEqual(said(checks.roles({}, ROLES)), [("postgres.roles", "failure")])

    def test_migrations(self):
        known = {"m0001_a": "1", "m0002_b": "2"}
        self.assertEqual(said(checks.migrations("auth", {"m0000_house": "x", "m0015_repeated_headers": "y", **known}, known)), [])
        self.assertEqual(said(checks.migrations("auth", {"m0001_a": "1"}, known)), [("migrations.missing", "warning")])
        self.assertEqual(said(checks.migrations("auth", {**known, "m0003_c": "3"}, known)), [("migrations.unknown", "failure")])
        self.assertEqual(said(checks.migrations("auth", {**known, "m0001_a": "9"}, known)), [("migrations.changed", "failure")])

    def test_redis(self):
        good = {"redis_version": "7.0.15", "maxmemory_policy": "noeviction", "aof_enabled": "1"}
        self.assertEqual(said(checks.redis(good, {})), [])
        self.assertEqual(said(checks.redis({**good, "redis_version": "6.0.16"}, {})), [("redis.version", "failure")])
        self.assertEqual(said(checks.redis({**good, "maxmemory_policy": "allkeys-lru"}, {})), [("redis.eviction", "failure")])
        self.assertEqual(said(checks.redis({**good, "aof_enabled": "0"}, {"appendonly": "no"})), [("redis.persistence", "warning")])
        self.assertEqual(said(checks.redis({**good, "maxmemory": "100", "used_memory": "81"}, {})), [("redis.memory", "warning")])

    def test_certificates(self):
        for names, days, code in (({"app.example"}, -1, "expired"), ({"other.example"}, 90, "name"), ({"*.example.com"}, 90, "name"),
                (set(), 90, "name"), ({"app.example"}, 6, "ends")):
            with self.subTest(code):
                self.assertEqual(said(checks.certificate("x", names, "app.example", NOW + timedelta(days=days), NOW)),
                    [(f"certificate.{code}", "failure")])
        self.assertEqual(said(checks.certificate("x", {"*.example"}, "APP.example", NOW + timedelta(days=20), NOW)),
            [("certificate.ends", "warning")])
        self.assertEqual(said(checks.certificate("x", {"app.example"}, "app.example", NOW + timedelta(days=60), NOW)), [])

    def test_services_and_queues(self):
        self.assertEqual(said(checks.readiness("auth", 0, {}, error="refused")), [("service.down", "failure")])
        self.assertEqual(said(checks.readiness("auth", 503, {"redis": False})), [("service.ready", "failure")])
        self.assertEqual(said(checks.outbox("auth", 700, 3, 0)) + said(checks.outbox("auth", 70, 3, 2)), [
            ("outbox.lag", "failure"), ("outbox.lag", "warning"), ("events.quarantined", "warning")])
        self.assertEqual(said(checks.queue(4, 7_200, 1, 1)), [("queue.lag", "warning"), ("sends.ambiguous", "warning"),
            ("sends.uncertain", "warning")])
        self.assertEqual(said(checks.outbox("auth", 0, 0, 0)) + said(checks.queue(0, 0, 0, 0)), [])

    def test_gateway_and_names(self):
        good = {"content-security-policy": "default-src 'none'; x", "x-content-type-options": "nosniff", "x-frame-options": "DENY",
            "referrer-policy": "no-referrer",
                "strict-transport-security": "max-age=63072000; includeSubDomains"}
        self.assertEqual(said(checks.headers(good, True)), [])
        for name in tuple(good)[:4]:
            self.assertEqual(said(checks.headers({**good, name: "else"}, False)), [("gateway.headers", "failure")], name)
        for value in ("", "max-age=300", "max-age=soon"):
            self.assertEqual(said(checks.headers({**good, "strict-transport-security": value}, True)), [("gateway.hsts", "failure")], value)
        self.assertEqual(said(checks.name("x", "host", set())), [("dns.name", "failure")])
        self.assertEqual(said(checks.reverse("mail.example", "192.0.2.1", None)) + said(checks.reverse("mail.example", "192.0.2.1", "host.provider")),
            [("dns.ptr", "failure")] * 2)
        self.assertEqual(said(checks.reverse("Mail.example", "192.0.2.1", "mail.example.")), [])
        self.assertEqual(said(checks.answers("mail server x:25", "refused", "do")), [("reach.mail", "failure")])


class DocumentTests(unittest.TestCase):
    def test_each_code_stands_in_the_document_and_no_other(self):
        sources = "".join(path.read_text() for path in (ROOT / "Tools" / "penguin").glob("doctor*.py"))
        bad = set(re.findall(r'(?:failure|warning|level|production\)|file_mode|age)\(\s*"([a-z]+\.[a-z_]+)"', sources)) | set(
            re.findall(r'_told\(found, "([a-z]+\.[a-z_]+)"', sources)) | {"reach.mail"}
        table = (ROOT / "docs" / "operations.md").read_text().split("## Backup")[0]
        told = set(re.findall(r"`([a-z]+\.[a-z_]+)`", table))
        self.assertGreater(len(bad), 40)
        self.assertEqual(told, bad)


class WholeTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def options(self, path):
        return SimpleNamespace(env=str(path), compose=None, replicas=1, json=True)

    def examine(self, path):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            status = doctor.run(self.options(path))
        return status, json.loads(output.getvalue())

    def test_a_deployment_of_which_nothing_answers_is_told_all_of_it(self):
        keys = self.folder / "keys"
        keys.mkdir()
        secrets_file.make_keys(keys)
        (keys / "auth.pem").chmod(0o644)
        (keys / "audit.pem").unlink()
        environment = self.folder / "env"
        environment.mkdir()
        for service, values in settings().items():
            files = {
                "TOKEN_PRIVATE_KEY_FILE": keys / f"{service}.pem", "TOKEN_PUBLIC_KEYS_FILE": keys / "services.jwks",
                "ENCRYPTION_KEYS_FILE": keys / "encryption.json",
                "POSTGRES_PORT": "1", "REDIS_PORT": "1", "MAIL_HOST": "127.0.0.1", "MAIL_PORT": "1", "PUBLIC_BASE_URL": "https://nobody.invalid"}
            (environment / service).write_text("# settings\n" + "".join(f"export {name}='{value}'\n" for name, value in {**values, **files}.items()))
        status, report = self.examine(environment)
        failed = {one["code"] for one in report["findings"] if one["level"] == "failure"}
        self.assertEqual(status, 1)
        self.assertLessEqual({"postgres.reach", "redis.reach", "service.down", "certificate", "gateway.reach", "reach.mail", "keys.services"}, failed)
        self.assertIn("keys.mode", {one["code"] for one in report["findings"]})
        self.assertTrue(all(one["do"] for one in report["findings"] if one["level"] != "ok"))
        self.assertNotIn("a long password", json.dumps(report))

    def test_settings_are_read_as_shells_and_docker_write_them(self):
        file = self.folder / "all.env"
        file.write_text("# one\nexport A='x y'\nB=\"2\"\nC=a=b\n\nnonsense\n")
        self.assertEqual(probes.read_settings(file), {service: {"A": "x y", "B": "2", "C": "a=b"} for service in SERVICES})

    def test_settings_are_read_as_the_set_up_job_deals_them_out(self):
        for place in (self.folder / "auth", self.folder / "penguinmails_audit" / "_data"):
            (place / "keys").mkdir(parents=True)
            (place / "postgres-host").write_text("postgres")
            (place / "encryption-keys-file").write_text("/run/penguin/keys/encryption.json")
        found = probes.read_compose(self.folder)
        self.assertEqual(sorted(found), ["audit", "auth"])
        self.assertEqual(found["auth"], {"POSTGRES_HOST": "postgres", "ENCRYPTION_KEYS_FILE": f"{self.folder}/auth/keys/encryption.json"})

    def test_names_and_end_of_a_certificate(self):
        certificates.make(self.folder / "ca.pem", self.folder, {"gateway": ["localhost", "127.0.0.1"]})
        names, ends = probes.certificate((self.folder / "gateway.pem").read_text())
        self.assertEqual(names, {"localhost", "127.0.0.1"})
        self.assertGreater((ends - datetime.now(timezone.utc)).days, 390)

    def test_what_is_printed(self):
        found = [finding.ok("a", "good"), finding.warning("bb", "so so", "Look."), finding.failure("c", "bad", "Mend it.")]
        self.assertEqual(finding.status(found), 1)
        self.assertEqual(finding.status(found[:2]), 0)
        self.assertIn("→ Mend it.", finding.as_table(found))
        self.assertEqual(json.loads(finding.as_json(found))["warning"], 1)


if __name__ == "__main__":
    unittest.main()
