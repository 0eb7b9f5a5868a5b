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
        with tempfile.TemporaryDirectory() as folder:
            compose.prepare(Path(folder), "8443")
            before = Path(folder, "secrets.json").read_text()
            compose.prepare(Path(folder), "8443")
            self.assertEqual(Path(folder, "secrets.json").read_text(), before)
            for service in SERVICES:
                script = f"source {folder}/env/{service}; env -0"
                printed = subprocess.run(["env", "-i", "bash", "-c", script], capture_output=True, text=True, check=True).stdout
                names = {line.partition("=")[0] for line in printed.split("\0") if line} - {"PWD", "SHLVL", "_"}
                self.assertEqual(names, set(settings.environment(service, here, known)))
            self.assertIn("server campaigns:8080", Path(folder, "nginx.conf").read_text())

    def test_an_account_at_stripe_is_told_to_billing_only(self):
        with mock.patch.dict(os.environ, {"STRIPE_SECRET_KEY": "sk_test_x", "LOG_LEVEL": "debug", "SOMETHING": "else"}):
            told = {service: services.inherited(service) for service in SERVICES}
        self.assertEqual([service for service in SERVICES if "STRIPE_SECRET_KEY" in told[service]], ["billing"])
        self.assertEqual({told[service]["LOG_LEVEL"] for service in SERVICES}, {"debug"})
        self.assertFalse(any("SOMETHING" in values for values in told.values()))

    def test_scripts_can_be_read_by_bash(self):
        for path in [ROOT / "penguin", ROOT / ".ci" / "run", *(ROOT / "Tools" / "compose").glob("*.sh")]:
            self.assertEqual(subprocess.run(["bash", "-n", str(path)]).returncode, 0, path)
