"""What is generated once and kept: ports, passwords, keys, and the same for containers."""

import contextlib
import io
import os
import re
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from penguin import compose, ports, secrets_file, services, settings
from penguin.layout import ROOT, SERVICES, Layout, read_json
from penguin.terminal import Failure


class SettingsTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="penguin-settings-")
        self.addCleanup(folder.cleanup)
        self.layout = Layout(folder.name)
        self.layout.make()

    def test_ports_stay_until_somebody_takes_one(self):
        first = ports.claim(self.layout)
        self.assertEqual(len(set(first.values())), len(ports.NAMES))
        self.assertEqual(ports.claim(self.layout), first)
        with socket.socket() as stranger:
            stranger.bind(("127.0.0.1", first["redis"]))
            stranger.listen()
            with contextlib.redirect_stderr(io.StringIO()) as words:
                second = ports.claim(self.layout)
        self.assertIn(f"{first['redis']} of redis is taken", words.getvalue())
        self.assertNotEqual(second["redis"], first["redis"])
        self.assertEqual({**second, "redis": 0}, {**first, "redis": 0})

    def test_passwords_and_keys_are_private_and_stay(self):
        known = secrets_file.passwords(self.layout.secrets)
        secrets_file.make_keys(self.layout.keys)
        keys = {path: path.read_text() for path in self.layout.keys.iterdir()}
        secrets_file.make_keys(self.layout.keys)
        self.assertEqual(secrets_file.passwords(self.layout.secrets), known)
        self.assertEqual({path: path.read_text() for path in keys}, keys)
        for path in [self.layout.secrets, *keys]:
            self.assertEqual(path.stat().st_mode & 0o777, 0o600, path)

    def test_the_public_keys_belong_to_the_private_ones(self):
        secrets_file.make_keys(self.layout.keys)
        entries = read_json(self.layout.keys / "services.jwks")["keys"]
        self.assertEqual([entry["kid"] for entry in entries], list(SERVICES))
        self.assertEqual(len({entry["x"] for entry in entries}), len(SERVICES))
        for entry in entries:
            text = subprocess.run(
                ["openssl", "pkey", "-in", str(self.layout.keys / f"{entry['kid']}.pem"), "-noout", "-text"], capture_output=True, text=True).stdout
            public = bytes.fromhex(re.sub(r"[^0-9a-f]", "", text.partition("pub:")[2]))
            self.assertEqual(secrets_file.base64.urlsafe_b64decode(entry["x"] + "="), public)

    def test_a_damaged_file_of_mail_users_is_replaced_and_other_users_stay(self):
        known = secrets_file.passwords(self.layout.secrets)
        self.layout.mail_users.write_text('{"somebody": "else", "demo": "old"}')
        secrets_file.write_mail_users(self.layout.mail_users, known)
        self.assertEqual(read_json(self.layout.mail_users), {"somebody": "else", "system": known["mail_system"], "demo": known["mail_demo"]})

    def test_containers_get_the_settings_that_processes_get(self):
        here = services.local_wiring(self.layout, ports.claim(self.layout))
        known = secrets_file.passwords(self.layout.secrets)
        with self.dealt() as (secrets, deal):
            for service in SERVICES:
                names = {path.name.upper().replace("-", "_") for path in (deal / service).iterdir() if path.is_file()}
                wanted = {name for name, value in settings.environment(service, here, known).items() if value} - {"SERVICE_INSTANCE", "DNS_SERVER"}
                self.assertEqual(names, wanted, service)
            self.assertIn("default campaigns:8080;", (deal / "gateway" / "nginx.conf").read_text())

    def test_made_again_keys_and_passwords_stay(self):
        with self.dealt() as (secrets, deal):
            def kept():
                return {path: path.read_bytes() for path in [*secrets.rglob("*"), *(deal / "auth").rglob("*")] if path.is_file()}
            before = kept()
            compose.prepare(secrets, deal, compose.Deployment())
            self.assertEqual(kept(), before)

    def test_a_container_is_given_no_key_of_another(self):
        with self.dealt() as (secrets, deal):
            private = {service: (secrets / "keys" / f"{service}.pem").read_text() for service in SERVICES}
            passwords = read_json(secrets / "secrets.json")
            for container in deal.iterdir():
                text = "".join(path.read_text() for path in container.rglob("*") if path.is_file())
                for service, key in private.items():
                    self.assertEqual(key in text, service == container.name, f"{service}'s key in {container.name}")
                    if container.name != "postgres":
                        own = passwords[f"{service}_worker"] in text
                        self.assertEqual(own, service == container.name, f"{service}'s password in {container.name}")
                self.assertEqual((secrets / "certificates" / "ca.key").read_text() in text, False, f"the authority's key in {container.name}")

    def test_a_production_stack_is_strict_and_names_who_delivers_its_mail(self):
        with self.assertRaisesRegex(Failure, "PUBLIC_BASE_URL, MAIL_HOST, MAIL_PORT, MAIL_FROM"):
            compose.Deployment.read({"PENGUIN_MODE": "production"})
        deployment = compose.Deployment.read({
            "PENGUIN_MODE": "production", "PUBLIC_BASE_URL": "https://app.example.com", "MAIL_HOST": "smtp.example.com", "MAIL_PORT": "587",
            "MAIL_FROM": "no-reply@example.com", "MAIL_PASSWORD": "secret"})
        known = secrets_file.passwords(self.layout.secrets)
        told = {service: compose.settings(service, deployment, known) for service in SERVICES}
        self.assertEqual(deployment.port, 443)
        self.assertEqual(told["auth"]["MAIL_HOST"], "smtp.example.com")
        self.assertNotIn("MAIL_USERNAME", told["auth"])
        self.assertNotIn("MAIL_CA_FILE", told["auth"])
        self.assertFalse([name for values in told.values() for name in values if name.endswith("_REACH") or name == "DELIVERY_DOMAINS_REQUIRED"])
        self.assertNotIn("secret", str(told["delivery"]) + str(told["campaigns"]))

    @contextlib.contextmanager
    def dealt(self):
        with tempfile.TemporaryDirectory() as folder:
            secrets, deal = Path(folder, "secrets"), Path(folder, "deal")
            compose.prepare(secrets, deal, compose.Deployment())
            yield secrets, deal

    def test_an_account_at_stripe_is_told_to_billing_only(self):
        with mock.patch.dict(os.environ, {"STRIPE_SECRET_KEY": "sk_test_x", "LOG_LEVEL": "debug", "SOMETHING": "else"}):
            told = {service: services.inherited(service) for service in SERVICES}
        self.assertEqual([service for service in SERVICES if "STRIPE_SECRET_KEY" in told[service]], ["billing"])
        self.assertEqual({told[service]["LOG_LEVEL"] for service in SERVICES}, {"debug"})
        self.assertFalse(any("SOMETHING" in values for values in told.values()))

    def test_scripts_can_be_read_by_bash(self):
        for path in [ROOT / "penguin", ROOT / ".ci" / "run", ROOT / "Tests" / "compose" / "test.sh"]:
            self.assertEqual(subprocess.run(["bash", "-n", str(path)]).returncode, 0, path)
