"""A service that asks another one, as a benchmark or a test may: JSON-RPC with a service token of its own."""

import base64
import json
import subprocess
import tempfile
import time
import urllib.request

from penguin.terminal import Failure

LIFETIME = 60
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Peer:
    """Asks `service` in the name of `caller`."""

    def __init__(self, layout, port, service, caller):
        self.url = f"http://127.0.0.1:{port}/rpc"
        self._key = layout.keys / f"{caller}.pem"
        self._service = service
        self._caller = caller
        self._token = None
        self._renew_at = 0

    def call(self, method, **parameters):
        """The result; a `Failure` with the error's kind when there is none."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": f"{self._service}.{method}", "params": parameters}).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token()}"}
        with _direct.open(urllib.request.Request(self.url, body, headers), timeout=60) as answer:
            reply = json.load(answer)
        if "error" in reply:
            raise Failure(f"{self._service}.{method} failed: {json.dumps(reply['error'])}")
        return reply.get("result")

    def token(self):
        """A service token that is good for half a minute at least."""
        now = int(time.time())
        if now >= self._renew_at:
            claims = {"iss": self._caller, "aud": self._service, "iat": now, "exp": now + LIFETIME, "use": "service"}
            signed = ".".join(_base64(json.dumps(part).encode()) for part in ({"alg": "EdDSA", "typ": "JWT", "kid": self._caller}, claims))
            self._token = f"{signed}.{_base64(self._signature(signed))}"
            self._renew_at = now + LIFETIME // 2
        return self._token

    def _signature(self, text):
        # openssl signs Ed25519 from a file only.
        with tempfile.NamedTemporaryFile() as file:
            file.write(text.encode())
            file.flush()
            command = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", str(self._key), "-in", file.name]
            return subprocess.run(command, capture_output=True, check=True).stdout


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
