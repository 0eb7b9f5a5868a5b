"""A provider of mailboxes such as Google: asks for consent, gives tokens for it, and publishes the key of its ID tokens. Nobody's mail is there."""

import atexit
import base64
import hashlib
import html
import json
import secrets
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CLIENT, SECRET = "console-tests", "a secret of the console's tests"
SCOPES = "https://mail.google.com/ openid email"


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class _Key:
    """An RSA key, of openssl."""

    def __init__(self, folder):
        self._file = folder / "key.pem"
        self._run("genrsa", "-out", str(self._file), "2048")
        modulus = self._run("rsa", "-in", str(self._file), "-noout", "-modulus").decode().strip().partition("=")[2]
        self.published = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1", "n": _base64(bytes.fromhex(modulus)), "e": "AQAB"}

    @staticmethod
    def _run(*arguments, given=None):
        return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True).stdout

    def sign(self, claims):
        text = ".".join(_base64(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "1"}, claims))
        return f"{text}.{_base64(self._run('dgst', '-sha256', '-sign', str(self._file), given=text.encode()))}"


class Provider:
    """Answers on a port of this machine until the tests end; `person` is whose account consents, `exchanged` how many codes became tokens."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="penguin-provider-"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        (self.folder / "secret").write_text(SECRET)
        self.key = _Key(self.folder)
        self.person = "ada@provider.example"
        self.exchanged = 0
        self.codes = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                path, _, query = self.path.partition("?")
                if path == "/keys":
                    return self.answer(200, "application/json", json.dumps({"keys": [provider.key.published]}))
                if path == "/authorize":
                    return self.answer(200, "text/html; charset=utf-8", provider.consent(dict(urllib.parse.parse_qsl(query))))
                return self.answer(404, "text/plain", "Nothing is here.")

            def do_POST(self):
                fields = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                status, body = provider.tokens(fields) if self.path == "/token" else (200, {})
                self.answer(status, "application/json", json.dumps(body))

            def answer(self, status, kind, body):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def settings(self):
        """How Delivery is told of it. Its mail servers are at ports where nobody is."""
        place = {"ISSUER": "", "AUTHORIZE_URL": "/authorize", "TOKEN_URL": "/token", "REVOKE_URL": "/revoke", "KEYS_URL": "/keys"}
        given = {"CLIENT_ID": CLIENT, "CLIENT_SECRET_FILE": str(self.folder / "secret"), "SMTP": "localhost:1:tls", "IMAP": "localhost:1:tls"}
        return {f"DELIVERY_OAUTH_GOOGLE_{name}": value for name, value in (given | {name: self.url + path for name, path in place.items()}).items()}

    def consent(self, asked):
        """The page on which a person says yes or no."""
        assert asked["client_id"] == CLIENT and asked["response_type"] == "code" and asked["code_challenge_method"] == "S256", asked
        code = secrets.token_urlsafe(24)
        self.codes[code] = asked
        links = [(word, html.escape(f"{asked['redirect_uri']}?{urllib.parse.urlencode({**answer, 'state': asked['state']})}")) for word, answer in (
            ("Allow", {"code": code}), ("Deny", {"error": "access_denied"}))]
        return "<!doctype html><html lang=en><title>Consent</title><link rel=icon href='data:,'>" + "".join(f'<p><a href="{address}">{word}</a></p>' for word, address in links)

    def tokens(self, given):
        """Tokens for a code that was given out, once, to whoever asked for it."""
        asked = self.codes.pop(given.get("code"), None)
        verifier = _base64(hashlib.sha256(given.get("code_verifier", "").encode()).digest())
        if (given.get("client_id"), given.get("client_secret")) != (CLIENT, SECRET):
            return 401, {"error": "invalid_client"}
        if not asked or given.get("redirect_uri") != asked["redirect_uri"] or verifier != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        self.exchanged += 1
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "sub": self.person, "email": self.person, "email_verified": True, "nonce": asked["nonce"], "iat": now, "exp": now + 600}
        return 200, {
            "access_token": secrets.token_urlsafe(24), "refresh_token": secrets.token_urlsafe(24), "token_type": "Bearer", "expires_in": 3600, "scope": SCOPES,
            "id_token": self.key.sign(claims)}
