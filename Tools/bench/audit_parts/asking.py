"""Somebody of a company who reads and exports its trail at Audit's own listener, as the gateway would say who it is."""

import base64
import http.client
import json
import subprocess
import tempfile
import time
import uuid

from penguin.terminal import Failure

LIFETIME = 60


class Asker:
    """One connection that stays open, and one session."""

    def __init__(self, ground, tenant):
        self._connection = http.client.HTTPConnection("127.0.0.1", ground.facts["ports"]["audit_public"], timeout=60)
        self._key = ground.layout.keys / "auth.pem"
        self._identity = {
            "tenant": tenant, "user": str(uuid.uuid4()), "name": "Ada Example", "role": "owner", "verified": True, "session": str(uuid.uuid4())}
        self._token = None
        self._renew_at = 0

    def get(self, path):
        """The milliseconds until the whole answer was there, and what it says."""
        return self._ask("GET", path, 200)

    def post(self, path, body):
        return self._ask("POST", path, 202, json.dumps(body))

    def _ask(self, method, path, expected, body=None):
        headers = {"Accept": "application/json", "X-Identity-Token": self._signed(), "X-Request-Id": uuid.uuid4().hex}
        if body:
            headers["Content-Type"] = "application/json"
        started = time.monotonic()
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        milliseconds = (time.monotonic() - started) * 1_000
        if answer.status != expected:
            raise Failure(f"{method} {path} answered {answer.status}: {content[:500].decode(errors='replace')}")
        return milliseconds, json.loads(content)

    def _signed(self):
        """A token that is good for half a minute at least; made outside of what is measured."""
        now = int(time.time())
        if now >= self._renew_at:
            self._token = signed(self._key, claims(self._identity, now))
            self._renew_at = now + LIFETIME // 2
        return self._token


def claims(identity, now):
    """What Auth vouches for, to Audit."""
    return {"iss": "auth", "aud": "audit", "iat": now, "exp": now + LIFETIME, "use": "identity", "identity": identity}


def signed(key, content):
    """A token with Auth's signature; openssl signs Ed25519 from a file only."""
    text = ".".join(_base64(json.dumps(part).encode()) for part in ({"alg": "EdDSA", "typ": "JWT", "kid": "auth"}, content))
    with tempfile.NamedTemporaryFile() as file:
        file.write(text.encode())
        file.flush()
        command = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", str(key), "-in", file.name]
        return f"{text}.{_base64(subprocess.run(command, capture_output=True, check=True).stdout)}"


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
