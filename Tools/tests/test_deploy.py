"""The manifests of deploy/kubernetes: the check sees what is wrong with them, and what goes into the pods beside them is made whole."""

import io
import json
import shutil
import tempfile
import unittest
from contextlib import redirect_stdout
from pathlib import Path
from unittest import mock

import yaml

from penguin import deploy, kubernetes, services
from penguin.layout import SERVICES

KNOWN = {"POSTGRES_OWNER_PASSWORD", "POSTGRES_API_PASSWORD", "POSTGRES_WORKER_PASSWORD"}


class ManifestTests(unittest.TestCase):
    """On a copy; what services say of themselves is asked where they are built, and given here."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name) / "kubernetes"
        shutil.copytree(deploy.FOLDER, self.folder, ignore=shutil.ignore_patterns("secrets"))
        manifests = deploy.Manifests(self.folder)
        shared = set(manifests.of("ConfigMap")["settings"]["data"])
        self.settings = {}
        for service in SERVICES:
            main, = manifests.of("Deployment")[service]["spec"]["template"]["spec"]["containers"]
            self.settings[service] = KNOWN | shared | {line["name"] for line in main["env"]} | set(kubernetes.MORE[service])
        self.needed = {service: {"PUBLIC_PORT"} | KNOWN for service in SERVICES}

    def faults(self):
        with mock.patch.object(deploy, "described", lambda service: (self.settings[service], self.needed[service])):
            return deploy.Manifests(self.folder).faults()

    def change(self, name, change):
        path = self.folder / name
        documents = list(yaml.safe_load_all(path.read_text()))
        change(documents)
        path.write_text(yaml.safe_dump_all(documents))

    def test_the_manifests_are_right(self):
        self.assertEqual(self.faults(), [])

    def test_each_fault_is_seen(self):
        def pod(documents):
            return documents[0]["spec"]["template"]["spec"]

        for name, change, words in [
            ("delivery.yaml", lambda d: pod(d)["securityContext"].pop("runAsNonRoot"), "run as root"),
            ("delivery.yaml", lambda d: pod(d)["containers"][0]["securityContext"].update(readOnlyRootFilesystem=False), "more than it must"),
            ("gateway.yaml", lambda d: pod(d)["initContainers"][0]["securityContext"].update(allowPrivilegeEscalation=True), "more than it must"),
            ("delivery.yaml", lambda d: pod(d).pop("enableServiceLinks"), "of the cluster"),
            ("delivery.yaml", lambda d: pod(d)["containers"][0].pop("resources") and pod(d)["containers"][0].update(resources={}), "no bounds"),
            ("delivery.yaml", lambda d: pod(d)["containers"][0]["startupProbe"]["httpGet"].update(port="public"), "startupProbe"),
            ("delivery.yaml", lambda d: pod(d)["containers"][0]["livenessProbe"]["httpGet"].update(path="/health"), "livenessProbe"),
            ("delivery.yaml", lambda d: pod(d)["containers"][0]["ports"][0].update(containerPort=8081), "its ports"),
            ("delivery.yaml", lambda d: pod(d)["containers"][0].update(image="registry.example.com/penguinmails-audit:1"), "its image"),
            ("delivery.yaml", lambda d: pod(d)["containers"][0]["env"].append({"name": "DELIVERY_WORKER_SLOT", "value": "1"}), "no setting of it"),
            ("settings.yaml", lambda d: d[0]["data"].pop("PUBLIC_PORT"), "PUBLIC_PORT is missing"),
            ("delivery.yaml", lambda d: d[0]["spec"].update(replicas=1), "one replica"),
            ("delivery.yaml", lambda d: d[1]["spec"]["selector"].update({deploy.PART: "audit"}), "does not fit"),
            ("delivery.yaml", lambda d: d[1]["spec"]["ports"][0].update(targetPort="web"), "a port web"),
            ("delivery.yaml", lambda d: d.pop(2), "no PodDisruptionBudget delivery"),
            ("delivery.yaml", lambda d: d[1]["metadata"].update(namespace="default"), "another namespace"),
            ("network-policies.yaml", lambda d: d[0]["spec"].update(policyTypes=["Ingress"]), "lets something through"),
            ("network-policies.yaml", lambda d: next(p for p in d if p["metadata"]["name"] == "billing")["spec"]["egress"].pop(0), "billing may ask"),
            ("network-policies.yaml", lambda d: next(p for p in d if p["metadata"]["name"] == "billing")["spec"]["ingress"][0].pop("from"), "public listener"),
        ]:
            with self.subTest(f"{name}: {words}"):
                before = (self.folder / name).read_text()
                self.change(name, change)
                found = self.faults()
                (self.folder / name).write_text(before)
                self.assertTrue(any(words in fault for fault in found), found)

    def test_a_manifest_that_nobody_applies_is_seen(self):
        (self.folder / "more.yaml").write_text("kind: ConfigMap\nmetadata: {name: more}\n")
        self.assertEqual(self.faults(), ["more.yaml is not in kustomization.yaml"])

    def test_what_a_service_says_of_its_settings_is_read(self):
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "Auth"
            program.write_text("#!/bin/sh\nprintf 'The auth service.\\n  PUBLIC_PORT\\n      Its port. Required.\\n  LOG_LEVEL\\n      Words. Default: info.\\n'\n")
            program.chmod(0o755)
            with mock.patch.object(services, "executable", lambda _: program):
                self.assertEqual(deploy.described.__wrapped__("auth"), ({"PUBLIC_PORT", "LOG_LEVEL"}, {"PUBLIC_PORT"}))


class MadeTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_secrets_are_those_that_the_manifests_ask_for_and_are_made_once(self):
        secrets = self.folder / "secrets"
        kubernetes.main(["secrets", str(secrets)])
        before = {path: path.read_bytes() for path in secrets.rglob("*") if path.is_file()}
        kubernetes.main(["secrets", str(secrets)])
        self.assertEqual({path: path.read_bytes() for path in secrets.rglob("*") if path.is_file()}, before)
        asked = yaml.safe_load((deploy.FOLDER / "kustomization.yaml").read_text())["secretGenerator"]
        files = [name.rpartition("=")[2] for secret in asked for name in (*secret.get("files", ()), *secret.get("envs", ()))]
        # The certificate is the operator's.
        self.assertEqual([name for name in files if not (self.folder / name).exists()], ["secrets/tls.crt", "secrets/tls.key"])
        for path in before:
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)
        for service in SERVICES:
            names = [line.partition("=")[0] for line in (secrets / f"{service}.env").read_text().splitlines()]
            self.assertEqual(names, ["POSTGRES_OWNER_PASSWORD", "POSTGRES_API_PASSWORD", "POSTGRES_WORKER_PASSWORD", *kubernetes.MORE[service]])

    def test_the_gateway_is_made_with_the_services_by_their_names(self):
        with redirect_stdout(io.StringIO()):
            kubernetes.main(["gateway", str(self.folder), "app.example.com", "www.example.com"])
        text = (self.folder / "nginx.conf").read_text()
        for service in SERVICES:
            self.assertIn(f"server {service}:8080 max_fails=0;", text)
        self.assertIn("app.example.com www.example.com", text)
        self.assertNotIn("@@", text)
        self.assertIn("paths", json.loads((self.folder / "openapi" / "openapi.json").read_text()))


if __name__ == "__main__":
    unittest.main()
