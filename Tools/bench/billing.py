"""Mails reserved a second beside a bare UPDATE, for one company and over a thousand; how soon a webhook of Stripe's is answered.

Reservations are asked of Billing's RPC listener by wrk, the bare UPDATE by pgbench on as many connections. Webhooks are signed, every tenth comes
twice, and they go through the gateway; what Billing then reads again comes from a stub of Stripe on this machine, which only answers reads.
"""

import os
import tempfile
import time

from bench.billing_parts import companies, reserving, stub, webhooks
from bench.campaign_parts.measure import Psql, percentile
from penguin import demo, services
from penguin.layout import Layout, read_json
from penguin.rpc import Peer
from penguin.terminal import say, step

EVENTS_ALONE = 1_000
EVENTS_AT_ONCE = 4_000
SENDERS = 8
WARM_UP_EVENTS = 100
# Milliseconds, 99 times of a hundred.
INTAKE_LIMIT = 50


def run(options):
    if services.configuration() != "release":
        say("  This measures a debug build; PENGUIN_CONFIGURATION=release ./penguin bench measures what would be deployed.")
    with tempfile.TemporaryDirectory(prefix="penguin-bench-") as folder, webhooks.Stripe() as stripe:
        os.environ["PENGUIN_LOCAL"] = folder
        os.environ.update(stripe.settings)
        layout = Layout()
        stack = demo.running_stack(layout, options.no_build)
        try:
            passwords = read_json(layout.secrets)
            sql = Psql(stack.facts["ports"]["postgres"], "postgres", passwords["postgres"])
            with step(f"Making {companies.COMPANIES + 1} companies"):
                reserving.seed_bare(sql)
                sql.run(*companies.seed())
                sql.run(*companies.prices(stub.PRICE))
            yield from _reservations(stack, layout, sql, passwords["postgres"])
            yield from _webhooks(stack, layout, sql)
        finally:
            stack.stop()
            # The next benchmark's stack has no Stripe.
            for name in stripe.settings:
                del os.environ[name]


def _reservations(stack, layout, sql, password):
    ports = stack.facts["ports"]
    callers = reserving.Reserving(Peer(layout, ports["billing_internal"], "billing", "campaigns"), sql)
    shapes = [
        ("for one company", companies.BUSY, companies.BUSY), (f"over {companies.COMPANIES} companies", 1, companies.COMPANIES)]
    for name, first, last in shapes:
        with step(f"Reserving mails {name}"):
            # Before and after ours: on a shared machine the peer of one moment is not that of the next.
            before = reserving.bare(ports["postgres"], password, first, last)
            ours = callers.rate(first, last)
            after = reserving.bare(ports["postgres"], password, first, last)
        yield beside(f"mails reserved {name}, {reserving.AT_ONCE} callers, beside a bare UPDATE", ours, "reservations/s", (before + after) / 2)
    callers.check()


def _webhooks(stack, layout, sql):
    port = stack.facts["ports"]["gateway"]

    def sender():
        return webhooks.Sender(port, layout.authority)

    webhooks.deliver(sender, webhooks.events("warm", WARM_UP_EVENTS, time.time()), SENDERS)
    with step(f"Delivering {EVENTS_ALONE} webhooks one by one and {EVENTS_AT_ONCE} by {SENDERS} senders"):
        alone, _ = webhooks.deliver(sender, webhooks.events("alone", EVENTS_ALONE, time.time()), 1)
        many, per_second = webhooks.deliver(sender, webhooks.events("many", EVENTS_AT_ONCE, time.time()), SENDERS)
    for name, times in (("one at a time", alone), (f"{SENDERS} at once", many)):
        for share in (50, 99):
            yield beside(f"webhook to its answer, {name}, p{share}", percentile(times, share), "ms", INTAKE_LIMIT)
    with step("Waiting until all are worked off"):
        done = webhooks.handled(sql, WARM_UP_EVENTS + EVENTS_ALONE + EVENTS_AT_ONCE, "many", EVENTS_AT_ONCE)
    yield beside(f"webhooks worked off, beside their coming in from {SENDERS} senders", done, "events/s", per_second)


def beside(name, value, unit, other):
    """A result in the form that ./penguin bench prints; `other` is a peer's figure, or what is wanted."""
    return {"name": f"billing, {name}", "value": round(value, 3), "unit": unit, "beside": round(other, 3), "ratio": float(f"{value / other:.3g}")}
