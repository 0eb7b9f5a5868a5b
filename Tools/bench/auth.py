"""Identity checks and sign-ins a second, beside nginx' own static answer in the same run.

wrk asks over TLS, on connections that stay open. Sign-ins go to Auth's own listener, since the gateway lets an address have ten a second.
"""

import hashlib
import http.client
import json
import os
import re
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass

from penguin import demo, services
from penguin.api import Api
from penguin.journey import Journey
from penguin.layout import Layout, read_json
from penguin.processes import program
from penguin.terminal import Failure, say

SECONDS = 5
WARM_UP = 1
CONNECTIONS = 32
SIGN_INS_AT_ONCE = 4
# The gateway asks Auth who this is, and Auth answers with one small query.
CHECKED = "/api/v1/tenants/current/features"
STATIC = "/"
# As Auth hashes, and on as many threads.
SCRYPT = {"n": 2**15, "r": 8, "p": 3, "dklen": 32, "maxmem": 64 * 2**20}
HASHING_THREADS = 2
UNITS = {"us": 0.001, "ms": 1, "s": 1_000, "m": 60_000}


def run(options):
    if services.configuration() != "release":
        say("  This measures a debug build; PENGUIN_CONFIGURATION=release ./penguin bench measures what would be deployed.")
    with tempfile.TemporaryDirectory(prefix="penguin-bench-") as folder:
        os.environ["PENGUIN_LOCAL"] = folder
        layout = Layout()
        stack = demo.running_stack(layout, options.no_build)
        try:
            yield from _results(stack.facts, layout)
        finally:
            stack.stop()


def _results(facts, layout):
    journey = Journey(Api(facts["url"], layout.authority), layout.maildir, facts["ports"]["mail"], read_json(layout.secrets)["mail_demo"])
    journey.sign_up()
    port = facts["ports"]["auth_public"]
    visitor = Visitor(port, journey.address, journey.password)
    cookie = visitor.sign_in()
    static, checked = facts["url"] + STATIC, facts["url"] + CHECKED
    session = {"Cookie": cookie}
    question = {**session, "X-Audience": "auth", "X-Original-Method": "GET", "X-Original-URI": CHECKED}
    asked = f"http://127.0.0.1:{port}/gateway/authenticate"

    # Before and after ours: on a shared machine the peer of one moment is not that of the next.
    before = _load(static, {})
    many = _load(checked, session)
    direct = _load(asked, question)
    after = _load(static, {})
    peer = Load(*((first + second) / 2 for first, second in zip(before.figures, after.figures)))
    yield _beside(f"auth, GET {CHECKED} through the gateway, {CONNECTIONS} at once", many.per_second, "requests/s", peer.per_second)
    yield _beside("the same, p99", many.p99, "ms", peer.p99)
    yield _beside(f"auth, the gateway's question asked directly (no TLS), {CONNECTIONS} at once", direct.per_second, "requests/s", peer.per_second)

    alone, checked_alone, asked_alone = _load(static, {}, 1), _load(checked, session, 1), _load(asked, question, 1)
    yield _beside(f"auth, GET {CHECKED} through the gateway, one at a time, p50", checked_alone.p50, "ms", alone.p50)
    yield _beside("the same, p99", checked_alone.p99, "ms", alone.p99)
    yield _beside("auth, the gateway's question asked directly (no TLS), one at a time, p50", asked_alone.p50, "ms", alone.p50)
    yield _beside("the same, p99", asked_alone.p99, "ms", alone.p99)

    signed_in = _each_second(SIGN_INS_AT_ONCE, lambda: Visitor(port, journey.address, journey.password).sign_in)
    hashed = _each_second(HASHING_THREADS, lambda: lambda: hashlib.scrypt(b"a password of some length", salt=os.urandom(16), **SCRYPT))
    name = f"auth, sign-ins at its own listener, {SIGN_INS_AT_ONCE} at once"
    yield _beside(name, signed_in, "sign-ins/s", peer.per_second)
    yield _beside(f"the same, beside OpenSSL's scrypt alone on {HASHING_THREADS} threads", signed_in, "sign-ins/s", hashed)


def _beside(name, value, unit, beside):
    return {"name": name, "value": round(value, 3), "unit": unit, "beside": round(beside, 3), "ratio": float(f"{value / beside:.3g}")}


@dataclass(frozen=True)
class Load:
    """What wrk saw: requests a second, and milliseconds."""

    per_second: float
    p50: float
    p99: float

    @property
    def figures(self):
        return self.per_second, self.p50, self.p99


def _load(url, headers, connections=CONNECTIONS):
    command = [program("wrk", "wrk"), "--latency", "-t", str(min(2, connections)), "-c", str(connections)]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    for seconds in (WARM_UP, SECONDS):
        result = subprocess.run([*command, "-d", f"{seconds}s", url], check=True, capture_output=True, text=True, cwd="/tmp")
    return _read(url, result.stdout)


def _read(url, text):
    """The figures in wrk's report; only good answers count."""
    if bad := re.search(r"Non-2xx or 3xx responses: .*|Socket errors: .*", text):
        raise Failure(f"{url} did not always answer: {bad.group()}.")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    times = {share: float(number) * UNITS[unit] for share, number, unit in re.findall(r"^\s+(\d+)%\s+([\d.]+)(us|ms|s|m)$", text, re.MULTILINE)}
    if not rate or not {"50", "99"} <= times.keys():
        raise Failure(f"wrk said something else than expected of {url}: {text.strip()[-500:]}")
    return Load(float(rate.group(1)), times["50"], times["99"])


class Visitor:
    """Somebody with a connection to Auth's own listener and a CSRF token; each sign-in there is a new session."""

    def __init__(self, port, address, password):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._body = json.dumps({"email": address, "password": password})
        answer, body = self._ask("GET", "/api/v1/auth/csrf")
        self._headers = {
            "Content-Type": "application/json", "Cookie": answer.headers["Set-Cookie"].partition(";")[0],
            "X-CSRF-Token": json.loads(body)["csrf_token"]}

    def sign_in(self):
        """The session's cookie."""
        answer, _ = self._ask("POST", "/api/v1/auth/sign-in", self._body, self._headers)
        return answer.headers["Set-Cookie"].partition(";")[0]

    def _ask(self, method, path, body=None, headers=None):
        self._connection.request(method, path, body, headers or {})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise Failure(f"{method} {path} answered {answer.status}: {content[:500].decode(errors='replace')}")
        return answer, content


def _each_second(threads, make):
    """How often a second it can be done, each thread by what `make` gave it; what began during the warm-up does not count."""
    begin = time.monotonic() + WARM_UP
    end = begin + SECONDS
    finished, faults = [], []

    def work():
        try:
            act = make()
            while (began := time.monotonic()) < end:
                act()
                if began >= begin:
                    finished.append((began, time.monotonic()))
        except (Failure, OSError, http.client.HTTPException, ValueError) as fault:
            faults.append(fault)

    workers = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if faults or not finished:
        raise Failure(f"It could not be done: {faults[0] if faults else 'not once in time'}")
    # From the first beginning to the last end: no act is cut off.
    return len(finished) / (max(ended for _, ended in finished) - min(began for began, _ in finished))
