"""A user of the public API: cookies, CSRF token, problem details; over TLS that trusts the stack's own authority."""

import http.client
import http.cookiejar
import json
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request

from penguin.terminal import Failure, duration

# What a gateway answers while a service is being restarted.
PASSING = (502, 503, 504)


class Refusal(Failure):
    """The API said no; `kind` is the stable name of the problem."""

    def __init__(self, method, path, status, problem):
        self.status = status
        self.problem = problem
        self.kind = problem.get("type", "").rpartition("/")[2]
        words = ". ".join(part.rstrip(".") for part in (problem.get("title"), problem.get("detail")) if part)
        rest = {name: value for name, value in problem.items() if name not in ("type", "title", "detail", "status")}
        super().__init__(f"{method} {path} answered {status}: {words or 'without a reason'} {json.dumps(rest) if rest else ''}".rstrip())


class Api:
    """One browser, so to speak."""

    def __init__(self, base_url, authority):
        self.base_url = base_url
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            # Past any proxy of the environment: the stack is on this machine.
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(authority))),
            urllib.request.HTTPCookieProcessor(self._cookies))

    def get(self, path, patience=10, **parameters):
        """Reads; asks again for up to `patience` seconds while the answer is "not now" or none."""
        if parameters:
            path += "?" + urllib.parse.urlencode(parameters)
        deadline = time.monotonic() + patience
        while True:
            try:
                return self._ask("GET", path)
            except (Refusal, OSError, http.client.HTTPException) as error:
                if isinstance(error, Refusal) and error.status not in PASSING:
                    raise
                if time.monotonic() > deadline:
                    raise Failure(f"GET {path} had no answer for {duration(patience)}; the last one: {error}") from None
            time.sleep(0.2)

    def post(self, path, body=None, **headers):
        return self._change("POST", path, json.dumps(body or {}).encode(), {"Content-Type": "application/json", **headers})

    def put(self, path, body, **headers):
        return self._change("PUT", path, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})

    def patch(self, path, body, **headers):
        return self._change("PATCH", path, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})

    def upload(self, path, file, size, media_type, **parameters):
        """Streams a file as the body."""
        headers = {"Content-Type": media_type, "Content-Length": str(size)}
        return self._change("POST", f"{path}?{urllib.parse.urlencode(parameters)}", file, headers, seconds=3600)

    def every(self, path, **parameters):
        """All items of a list, page by page."""
        cursor = {}
        while True:
            answer = self.get(path, limit=200, **parameters, **cursor)
            yield from answer["data"]
            if not answer["page"]["next"]:
                return
            cursor = {"cursor": answer["page"]["next"]}

    def _change(self, method, path, body, headers, seconds=60):
        try:
            return self._ask(method, path, body, {"X-CSRF-Token": self._csrf(), "Origin": self.base_url, **headers}, seconds)
        except (OSError, http.client.HTTPException) as error:
            raise Failure(f"{method} {path} had no answer: {error}") from None

    def credentials(self):
        """The cookies as a header has them, and the CSRF token that belongs to them: for another program that asks as this one."""
        token = self._csrf()
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._cookies), token

    def _csrf(self):
        """The token in its cookie, which changes with the session's; a page asks for it instead."""
        for cookie in self._cookies:
            if cookie.name == "__Secure-nile.csrf-token":
                return urllib.parse.unquote(cookie.value).split("|")[0]
        return self.get("/api/v1/auth/csrf")["csrf_token"]

    def _ask(self, method, path, body=None, headers=None, seconds=30):
        request = urllib.request.Request(self.base_url + path, data=body, method=method, headers={"Accept": "application/json", **(headers or {})})
        try:
            with self._opener.open(request, timeout=seconds) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            raise Refusal(method, path, error.code, _problem(error.read())) from None
        return json.loads(content) if content else None


def _problem(content):
    try:
        return json.loads(content)
    except ValueError:
        return {"title": content[:200].decode(errors="replace")}
