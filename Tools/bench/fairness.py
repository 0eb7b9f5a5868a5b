"""The wait of 99 small companies' mails beside one that queues 200,000, in relation to their wait when they are alone; and of urgent mail.

The wait of a mail is from the commit that plans it to the commit that marks its body as sent.
"""

import time
from concurrent.futures import ThreadPoolExecutor

from bench.delivery import Sink, Sql
from bench.load_parts import tenants
from bench.load_parts.figures import percentile
from penguin.benchmarks import own_stack
from penguin.layout import read_json
from penguin.rpc import Peer
from penguin.terminal import Failure, say, step, wait_until

BIG, SMALL, EACH = 200_000, 99, 100
URGENT = 40
URGENT_SECONDS = 1.0


def run(options):
    with own_stack(options) as (stack, layout):
        with Sink() as sink:
            yield from _measure(stack, layout, sink, options.mails or BIG)


def _measure(stack, layout, sink, big_mails):
    sql = Sql(stack.facts["ports"]["postgres"], read_json(layout.secrets)["postgres"])
    delivery = Peer(layout, stack.facts["ports"]["delivery_internal"], "delivery", "campaigns")
    small = tenants.make(sql, sink.port, SMALL, 1)
    big = tenants.make(sql, sink.port, 1, 10)[0]
    # Once unmeasured: connections are opened, plans are made.
    _arrive(sql, delivery, small)
    with step(f"{SMALL} companies alone, {EACH} mails each"):
        alone = _arrive(sql, delivery, small)
    with step(f"Queueing {big_mails} mails of one company"):
        sql.run("update delivery.job_queues set paused_at = now(), pause_reason = 'benchmark'")
        tenants.enqueue(delivery, big, big_mails)
        sql.run("update delivery.job_queues set paused_at = null")
        wait_until("The first mail of the big company", lambda: _sent(sql, big) > 0, 30)
    with step(f"{SMALL} companies beside it"):
        beside = _arrive(sql, delivery, small)
    with step(f"{URGENT} urgent mails, one at a time"):
        urgent = [_urgent(sql, delivery, big if number % 2 else small[number]) for number in range(URGENT)]
    left = big_mails - _sent(sql, big)
    if left <= 0:
        raise Failure("The big company's mails were sent before the others': take more of them with --mails.")
    say(f"  {left} mails of the big company were still waiting at the end.")
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        loaded, idle = percentile(beside, share), percentile(alone, share)
        yield {
            "name": f"small companies' wait beside {big_mails} mails of one, {name}", "value": round(loaded, 3), "unit": "s",
            "beside": round(idle, 3), "ratio": round(loaded / idle, 2)}
    slowest = max(urgent)
    yield {
        "name": f"urgent mail beside {big_mails} others, slowest of {URGENT}", "value": round(slowest, 3), "unit": "s", "beside": URGENT_SECONDS,
        "ratio": round(slowest / URGENT_SECONDS, 3)}


def _arrive(sql, delivery, small):
    """The mails of all small companies come within a moment; returns the waits of all of them."""
    moment = sql.value("select clock_timestamp()")
    delivery.token()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda tenant: tenants.enqueue(delivery, tenant, EACH), small))
    deadline = time.monotonic() + 300
    while len(found := tenants.waits_since(sql, moment, small)) < len(small) * EACH:
        if time.monotonic() > deadline:
            raise Failure(f"{len(found)} of {len(small) * EACH} mails of the small companies were sent within five minutes.")
        time.sleep(0.5)
    return found


def _urgent(sql, delivery, tenant):
    key = tenants.enqueue(delivery, tenant, 1, priority=10)[0]
    return wait_until("The sending of an urgent mail", lambda: tenants.waits(sql, [(tenant, key)]), 60)[0]


def _sent(sql, tenant):
    return int(sql.value(f"select count(*) from delivery.sends where tenant_id = '{tenant.id}' and data_sent_at is not null"))
