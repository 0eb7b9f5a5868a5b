"""Somebody who asks whatever they like, over one connection, and sees how long each answer took."""

import http.client
import json
import re
import ssl
import time
import urllib.parse
from dataclasses import dataclass

import place  # noqa: F401
from penguin.terminal import Failure

UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
REQUEST_ID = re.compile(r'"(?:request_id|instance)"\s*:\s*"[^"]*"')
TRIES = 60


@dataclass(frozen=True)
class Question:
    """One request, ready to be sent."""

    method: str
    path: str
    body: bytes = None
    headers: tuple = ()


@dataclass(frozen=True)
class Answer:
    """What came, without what differs from one answer to the next in any case."""

    status: int
    kind: str
    text: str
    seconds: float = 0

    def same(self, other):
        return (self.status, self.text) == (other.status, other.text)

    def __str__(self):
        return f"{self.status} {self.kind or self.text[:200]}"


class Caller:
    """Asks as `api` does, whose session it borrows."""

    def __init__(self, api, authority):
        cookies, token = api.credentials()
        self._origin = api.base_url
        self._headers = {"Cookie": cookies, "X-CSRF-Token": token, "Origin": api.base_url, "Accept": "application/json"}
        self._place = urllib.parse.urlsplit(api.base_url).netloc
        self._context = ssl.create_default_context(cafile=str(authority))
        self._connection = None

    def ask(self, question):
        """The answer; a gateway that asks for patience gets it."""
        for _ in range(TRIES):
            answer = self._once(question)
            if answer.status == 429:
                time.sleep(0.25)
                continue
            return answer
        raise Failure(f"{question.method} {question.path} was put off {TRIES} times: {answer}")

    def _once(self, question):
        headers = {**self._headers, **dict(question.headers)}
        started = time.perf_counter()
        for is_last in (False, True):
            if self._connection is None:
                self._connection = http.client.HTTPSConnection(self._place, context=self._context, timeout=60)
            try:
                self._connection.request(question.method, question.path, question.body, headers)
                reply = self._connection.getresponse()
                content = reply.read()
                break
            except (OSError, http.client.HTTPException):
                # A connection that was kept may have been closed meanwhile.
                self._connection.close()
                self._connection = None
                if is_last:
                    raise
                started = time.perf_counter()
        seconds = time.perf_counter() - started
        if reply.will_close:
            self._connection.close()
            self._connection = None
        return Answer(reply.status, _kind(content), bare(content.decode(errors="replace")), seconds)


def bare(text):
    """The text without identifiers and instants."""
    return INSTANT.sub("(instant)", UUID.sub("(id)", REQUEST_ID.sub('"request":"-"', text)))


def _kind(content):
    try:
        problem = json.loads(content)
    except ValueError:
        return ""
    return str(problem.get("type", "")).rpartition("/")[2] if isinstance(problem, dict) else ""
