"""The steps of a change of keys: nothing that was known is forgotten too early, and a change that was broken off is finished."""

import argparse
import base64
import json
import os
import tempfile
import unittest
from unittest import mock

from penguin import doctor_settings, rolling, rotate, secrets_file
from penguin.layout import SERVICES, Layout, read_json


class RotateTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.layout = Layout(folder.name)
        self.layout.make()
        secrets_file.passwords(self.layout.secrets)
        secrets_file.make_keys(self.layout.keys)
        self.told = []

    def tell(self, names=SERVICES):
        """What each restart would read."""
        self.told.append((tuple(names), read_json(self.layout.keys / "encryption.json"), self.public(), self.private()))

    def public(self):
        return {entry["kid"]: entry["x"] for entry in read_json(self.layout.keys / "services.jwks")["keys"]}

    def private(self):
        return {service: secrets_file.public_part(self.layout.keys / f"{service}.pem") for service in SERVICES}

    def options(self, drop=False):
        return argparse.Namespace(drop_former=drop)

    def test_a_root_key_is_known_before_it_seals(self):
        first = read_json(self.layout.keys / "encryption.json")
        rotate.encryption(self.layout, self.tell, self.options())
        (_, known, _, _), (_, current, _, _) = self.told
        self.assertEqual((known["current"], set(known["keys"])), ("k1", {"k1", "k2"}))
        self.assertEqual((current["current"], current["keys"]["k1"]), ("k2", first["keys"]["k1"]))
        self.assertEqual(len(base64.b64decode(current["keys"]["k2"])), 32)
        self.assertEqual((self.layout.keys / "encryption.json").stat().st_mode & 0o777, 0o600)

    def test_names_of_root_keys_never_come_again(self):
        for names, current, expected in ((["k1"], "k1", "k2"), (["k1", "k7"], "k1", "k8"), (["main"], "main", "k1"),
                (["2026-1", "2026-2"], "2026-2", "2026-3")):
            self.assertEqual(rotate.following(names, current), expected)

    def test_a_service_signs_with_what_all_know(self):
        before = self.public()
        rotate.service_keys(self.layout, self.tell, self.options())
        for _, _, public, private in self.told:
            self.assertTrue(all(part in public.values() for part in private.values()))
        self.assertTrue(all(part in self.told[1][2].values() for part in before.values()))
        self.assertEqual(sorted(self.public()), sorted(f"{service}.2" for service in SERVICES))
        self.assertFalse(set(before.values()) & set(self.public().values()))
        self.assertFalse((self.layout.keys / "next").exists())
        # Again: numbers go on, and a start of the stack leaves all as it is.
        rotate.service_keys(self.layout, self.tell, self.options())
        self.assertEqual(sorted(self.public()), sorted(f"{service}.3" for service in SERVICES))
        known = self.public()
        secrets_file.make_keys(self.layout.keys)
        self.assertEqual(self.public(), known)

    def test_a_change_that_was_broken_off_is_finished(self):
        def broken(names=SERVICES):
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            rotate.service_keys(self.layout, broken, self.options())
        # The stack may start meanwhile: it knows both.
        secrets_file.make_keys(self.layout.keys)
        self.assertEqual(len(self.public()), 2 * len(SERVICES))
        waiting = {service: secrets_file.public_part(self.layout.keys / "next" / f"{service}.pem") for service in SERVICES}
        rotate.service_keys(self.layout, self.tell, self.options())
        self.assertEqual(self.private(), waiting)

    def test_a_private_key_that_came_otherwise_is_the_only_one_of_its_service(self):
        (self.layout.keys / "audit.pem").write_text(secrets_file.new_private_key())
        secrets_file.make_keys(self.layout.keys)
        self.assertEqual(len(self.public()), len(SERVICES))
        text = (self.layout.keys / "services.jwks").read_text()
        self.assertEqual([one.level for one in doctor_settings.public_keys("f", text, self.private())], ["ok"])

    def test_the_trail_is_signed_by_both_until_the_former_is_dropped(self):
        path = self.layout.keys / "trail.json"
        first, verifiers = read_json(path)["keys"], (self.layout.keys / "trail.pub").read_text().splitlines()
        rotate.trail(self.layout, self.tell, self.options())
        self.assertEqual(read_json(path)["keys"][1:], first)
        rotate.trail(self.layout, self.tell, self.options(drop=True))
        document = read_json(path)
        self.assertEqual((len(document["keys"]), len(document["former"])), (1, 1))
        self.assertLess(set(verifiers), set((self.layout.keys / "trail.pub").read_text().splitlines()))
        with self.assertRaises(rotate.Failure):
            rotate.trail(self.layout, self.tell, self.options(drop=True))

    def test_certificates_are_others(self):
        rotate.tls(self.layout, self.tell, self.options())
        before = (self.layout.certificates / "gateway.pem").read_text()
        rotate.tls(self.layout, self.tell, self.options())
        self.assertNotEqual(before, (self.layout.certificates / "gateway.pem").read_text())

    def test_what_there_is_names_no_secret(self):
        text = "\n".join(rotate.overview(self.layout))
        for secret in [*read_json(self.layout.secrets).values(), *read_json(self.layout.keys / "encryption.json")["keys"].values()]:
            self.assertNotIn(secret, text)
        self.assertIn("k1 of k1", text)


class RestartTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.layout = Layout(folder.name)
        self.layout.make()

    def restarts(self):
        return rolling.Restarts(self.layout, None, {})

    def wish(self, names):
        (self.layout.run / "restart.json").write_text(json.dumps({"id": "one", "services": names, "rolling": True}))

    def test_a_wish_is_fulfilled_once_and_told(self):
        restarts, rolled = self.restarts(), []
        self.wish(["auth", "audit"])
        with mock.patch.object(rolling.Restarts, "_roll", lambda _, name: rolled.append(name)):
            restarts.serve()
            restarts.serve()
        self.assertEqual(rolled, ["auth", "audit"])
        answer = read_json(self.layout.run / "restarted.json")
        self.assertEqual((answer["id"], [name for name, _ in answer["done"]], answer["failure"]), ("one", ["auth", "audit"], None))

    def test_after_a_failure_the_rest_is_left_alone(self):
        restarts, rolled = self.restarts(), []

        def roll(_, name):
            if name == "billing":
                raise rolling.Failure("it does not start")
            rolled.append(name)

        self.wish(["auth", "billing", "audit"])
        with mock.patch.object(rolling.Restarts, "_roll", roll):
            restarts.serve()
        self.assertEqual(rolled, ["auth"])
        self.assertEqual(read_json(self.layout.run / "restarted.json")["failure"], "it does not start")

    def test_a_wish_of_an_earlier_stack_is_forgotten(self):
        self.wish(["auth"])
        self.restarts()
        self.assertFalse((self.layout.run / "restart.json").exists())

    def test_children_are_those_of_the_process(self):
        pid = os.getpid()
        self.assertIsInstance(rolling.children(pid), list)
        self.assertEqual(rolling.children(2**30), [])

    def test_only_services_are_restarted(self):
        with self.assertRaises(rolling.Failure):
            rolling.run(argparse.Namespace(services=["postgres"], rolling=True))
        with mock.patch.dict(os.environ, {"PENGUIN_LOCAL": str(self.layout.folder)}), self.assertRaises(rolling.Failure):
            rolling.run(argparse.Namespace(services=["auth"], rolling=True))


if __name__ == "__main__":
    unittest.main()
