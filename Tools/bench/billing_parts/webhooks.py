"""Signed webhooks as Stripe sends them, how soon each is answered, and how fast they are worked off behind the answers."""

import hashlib
import hmac
import http.client
import json
import os
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from bench.billing_parts import companies, stub
from penguin.layout import ROOT
from penguin.ports import pick
from penguin.terminal import Failure, wait_until

PATH = "/webhooks/stripe"
SECRET = "whsec_bench"
CONNECT_SECRET = "whsec_bench_connect"
HANDLING_SECONDS = 300
TYPE = "customer.subscription.updated"
COUNTS = """select count(*), count(*) filter (where state in ('pending', 'parked')), count(*) filter (where state = 'failed'),
    extract(epoch from max(handled_at) filter (where id like 'evt_{label}_%') - min(received_at) filter (where id like 'evt_{label}_%')),
    coalesce(max(error), '') from billing.stripe_events"""


class Stripe:
    """The stub in a process of its own, so that neither waits for the other; Billing's settings for it are `settings`."""

    def __enter__(self):
        self.port = pick()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.billing_parts.stub", str(self.port), str(os.getpid())], stdout=subprocess.DEVNULL, cwd=ROOT / "Tools")
        wait_until("The start of the stub", self._answers, 10)
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()

    @property
    def settings(self):
        return {
            "STRIPE_API_BASE": f"http://127.0.0.1:{self.port}", "STRIPE_SECRET_KEY": "sk_test_bench", "STRIPE_PUBLISHABLE_KEY": "pk_test_bench",
            "STRIPE_WEBHOOK_SECRET": SECRET, "STRIPE_CONNECT_WEBHOOK_SECRET": CONNECT_SECRET}

    def _answers(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
        try:
            connection.request("GET", "/v1/events")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


def events(label, count, now):
    """Bodies of `count` events, each about another company than the one before; every tenth comes twice."""
    made = [event(f"{label}_{number}", 1 + number % companies.COMPANIES, now) for number in range(count)]
    return made + made[::10]


def event(label, company, now):
    content = {
        "id": f"evt_{label}", "object": "event", "api_version": stub.VERSION, "created": int(now),
        "data": {"object": stub.subscription(company, now)}, "livemode": False, "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None}, "type": TYPE}
    return json.dumps(content, indent=2).encode()


def signature(secret, body, at):
    """The header `Stripe-Signature`: HMAC-SHA256 of the time, a point and the body's bytes."""
    signed = hmac.new(secret.encode(), f"{int(at)}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={int(at)},v1={signed}"


class Sender:
    """One connection through the gateway, which stays open."""

    def __init__(self, port, authority):
        context = ssl.create_default_context(cafile=str(authority))
        self._connection = http.client.HTTPSConnection("localhost", port, timeout=30, context=context)
        self._connection.connect()

    def send(self, body):
        """The milliseconds until the answer was there; signed at that moment, as each of Stripe's attempts is."""
        headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signature(SECRET, body, time.time())}
        started = time.monotonic()
        self._connection.request("POST", PATH, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        milliseconds = (time.monotonic() - started) * 1_000
        if not 200 <= answer.status < 300:
            raise Failure(f"POST {PATH} answered {answer.status}: {content[:500].decode(errors='replace')}")
        return milliseconds


def deliver(make, bodies, at_once):
    """The milliseconds of every delivery, and deliveries a second; each of `at_once` senders is one that `make` gave."""
    senders = [make() for _ in range(at_once)]

    def work(place):
        return [senders[place].send(body) for body in bodies[place::at_once]]

    started = time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        times = [milliseconds for part in pool.map(work, range(at_once)) for milliseconds in part]
    return times, len(bodies) / (time.monotonic() - started)


def handled(sql, expected, label, count):
    """Events of a label that were worked off a second, from the first that came to the last that was done; all `expected` are there, once each."""
    def done():
        return read_counts(sql.value(COUNTS.format(label=label)), expected, count)

    return wait_until("The handling of all webhooks", done, HANDLING_SECONDS, interval=0.5)


def read_counts(row, expected, count):
    """None while some wait; a failure when one is lost, double or could not be handled."""
    there, waiting, failed, seconds, error = row.split("|", 4)
    if int(there) != expected:
        raise Failure(f"{expected} events were delivered, {there} are there.")
    if int(failed):
        raise Failure(f"{failed} events could not be handled, one of them because of: {error}")
    return None if int(waiting) else count / float(seconds)
