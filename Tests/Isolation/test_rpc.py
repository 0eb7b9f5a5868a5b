"""Questions between services: each method of each service with every token but the right one."""

import base64
import json
import re
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import place  # noqa: F401
from ground import ground
from penguin.layout import ROOT, SERVICES

# Protocols are left out: only values conform. A question names its answer, and itself.
CONFORMS = re.compile(r"\b(?:struct|enum)\s+(\w+)\s*:[^{]*\b(?:RPC|Purge)Method\b")
NAME = re.compile(r'static let name = "(\w+)\.(\w+)"')
STRANGERS = ("gateway", "nobody", "", "Auth", "auth ", "*")
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def methods():
    """Every question that one service may ask another, by who answers it, from the one place that names them."""
    found = {service: set() for service in SERVICES}
    for path in sorted((ROOT / "Shared" / "Contracts").rglob("*.swift")):
        source = path.read_text()
        for match in CONFORMS.finditer(source):
            service, name = NAME.search(source, match.end()).groups()
            found[service].add(f"{service}.{name}")
    return {service: sorted(names) for service, names in found.items()}


class Tokens:
    """Signs whatever claims with the key of a service, or with one that nobody knows."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        self._unknown = f"{self._folder.name}/unknown.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self._unknown], check=True, capture_output=True)

    def make(self, key, issuer, audience, kid=None, age=0, use="service", algorithm="EdDSA", **more):
        """`key`: a service's name, or None for the unknown one."""
        now = int(time.time()) - age
        head = {"alg": algorithm, "typ": "JWT", "kid": issuer if kid is None else kid}
        claims = {"iss": issuer, "aud": audience, "iat": now, "exp": now + 60, "use": use, **more}
        text = ".".join(_base64(json.dumps(part).encode()) for part in (head, claims))
        with tempfile.NamedTemporaryFile(dir=self._folder.name) as file:
            file.write(text.encode())
            file.flush()
            pem = ground().layout.keys / f"{key}.pem" if key else self._unknown
            signature = subprocess.run(
                ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", str(pem), "-in", file.name], capture_output=True, check=True).stdout
        return f"{text}.{_base64(signature)}"


# What they ask needs no words: they are answered whatever stands beside.
WITHOUT_PARAMETERS = {"delivery.readTransportHealth"}


class Questions(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.methods = methods()
        cls.tokens = Tokens()

    def test_there_are_methods_and_the_right_token_opens_each(self):
        """Asked with parameters of no form at all, so that nothing is done: who may not ask is never told about those."""
        self.assertEqual([service for service in SERVICES if not self.methods[service]], [])
        faults = []
        for service, names in self.methods.items():
            for caller in SERVICES:
                token = self.tokens.make(caller, caller, service)
                for name in names:
                    status, reply = ask(service, name, token)
                    if name in WITHOUT_PARAMETERS and status == 200 and "result" in reply:
                        continue
                    if (status, reply.get("error", {}).get("code")) != (200, -32602):
                        faults.append(f"{caller} asks {name}: {status} {reply}")
        self.assertEqual(faults, [])

    def test_a_token_for_another_service_opens_nothing(self):
        faults = []
        for service, names in self.methods.items():
            for caller in SERVICES:
                for audience in SERVICES:
                    if audience == service:
                        continue
                    token = self.tokens.make(caller, caller, audience)
                    faults += refusals_missing(service, names, token, f"{caller}'s token for {audience}")
        self.assertEqual(faults, [])

    def test_nobody_but_the_five_services_may_ask(self):
        faults = []
        for service, names in self.methods.items():
            for stranger in STRANGERS:
                faults += refusals_missing(service, names, self.tokens.make(None, stranger, service), f"the stranger {stranger!r}")
                # With a true signature of a service that says it is somebody else.
                faults += refusals_missing(service, names[:1], self.tokens.make("billing", stranger, service, kid="billing"), f"billing as {stranger!r}")
        self.assertEqual(faults, [])

    def test_a_token_that_is_false_in_one_thing_opens_nothing(self):
        faults = []
        for service, names in self.methods.items():
            caller, other = [name for name in SERVICES if name != service][:2]
            good = self.tokens.make(caller, caller, service)
            head, claims, signature = good.split(".")
            tokens = {
                "a service with another's key": self.tokens.make(other, caller, service),
                "a service that names another's key": self.tokens.make(other, caller, service, kid=other),
                "an unknown key": self.tokens.make(None, caller, service),
                "ended": self.tokens.make(caller, caller, service, age=120),
                "several audiences": self.tokens.make(caller, caller, [service, other]),
                "no audience": self.tokens.make(caller, caller, []),
                "a person's": self.tokens.make("auth", "auth", service, use="identity"),
                "another use": self.tokens.make(caller, caller, service, use="link"),
                "no algorithm": self.tokens.make(caller, caller, service, algorithm="none"),
                "another algorithm": self.tokens.make(caller, caller, service, algorithm="HS256"),
                "no signature": f"{head}.{claims}.",
                "a signature of zeros": f"{head}.{claims}.{_base64(bytes(64))}",
                "a changed signature": f"{head}.{claims}.{signature[:-4]}{'AAAA' if signature[-4:] != 'AAAA' else 'BBBB'}",
                "nothing": "",
            }
            for words, token in tokens.items():
                faults += refusals_missing(service, names, token, words)
            faults += refusals_missing(service, names, None, "no header")
        self.assertEqual(faults, [])

    def test_a_services_token_is_no_persons(self):
        """What opens the inner listener opens nothing at the outer one, where the gateway forwards a person."""
        faults = []
        for service in SERVICES:
            for caller in SERVICES:
                token = self.tokens.make(caller, caller, service)
                identity = self.tokens.make(caller, caller, service, use="identity", identity={"tenant": "0190a6c2-1000-7000-8000-000000000001"})
                for words, one in {"a service token": token, **({"a person, signed by a service": identity} if caller != "auth" else {})}.items():
                    status = public(service, one)
                    if status not in (401, 403):
                        faults.append(f"{words} of {caller} at {service}: {status}")
        self.assertEqual(faults, [])


def refusals_missing(service, names, token, words):
    """Methods that do not say 401 and nothing else, whatever they were asked."""
    faults = []
    for name in names:
        status, reply = ask(service, name, token)
        error = reply.get("error") or {}
        if status != 401 or error.get("data") != {"kind": "unauthorized"} or reply.get("id") is not None or reply.get("result") is not None:
            faults.append(f"{name} with {words}: {status} {reply}")
    return faults


def ask(service, method, token):
    """Status and answer; the parameters have no form that any method could take."""
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": "none"}).encode()
    headers = {"Content-Type": "application/json", **({} if token is None else {"Authorization": f"Bearer {token}"})}
    request = urllib.request.Request(f"http://127.0.0.1:{ground().ports[f'{service}_internal']}/rpc", body, headers)
    try:
        with _direct.open(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


# Of each service a route that needs a person.
PERSONAL = {
    "auth": "/api/v1/tenants/current", "billing": "/api/v1/billing/subscription", "campaigns": "/api/v1/campaigns", "delivery": "/api/v1/mailboxes",
    "audit": "/api/v1/audit/events",
}


def public(service, token):
    """The status with which the outer listener answers somebody who brings a token past the gateway."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{ground().ports[f'{service}_public']}{PERSONAL[service]}", headers={"X-Identity-Token": token, "Authorization": f"Bearer {token}"})
    try:
        with _direct.open(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


if __name__ == "__main__":
    unittest.main()
