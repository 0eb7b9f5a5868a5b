"""Half an hour at half of the measured maximum: memory, connections, dead rows, Redis and the wait of mails, the last third beside the first."""

import time
from pathlib import Path

from bench.delivery import Sink, Sql
from bench.load_parts import tenants
from bench.load_parts.figures import percentile, slope, thirds
from penguin import redis
from penguin.benchmarks import own_stack
from penguin.layout import SERVICES, read_json
from penguin.rpc import Peer
from penguin.terminal import Failure, duration, live_line, say, step

MINUTES = 30
COMPANIES, MAILBOXES = 20, 2
PROBE_MAILS = 20_000
# Of so many mails of each second the wait is looked up.
SAMPLED = 20
PERIOD = 5
# What the first mails of a process cost, and its first checkpoints, is no trend.
WARM_UP = 0.1

MEASURES = [(f"resident memory of {service}", "MB") for service in SERVICES] + [
    ("connections to Postgres", ""), ("dead rows", ""), ("memory of Redis", "MB"), ("mails that wait", ""), ("wait of a mail, p99", "ms")]


def run(options):
    with own_stack(options) as (stack, layout):
        with Sink() as sink:
            yield from _Soak(stack, layout, sink).results(options.minutes or MINUTES, options.mails or PROBE_MAILS)


class _Soak:
    def __init__(self, stack, layout, sink):
        self._stack = stack
        self._ports = stack.facts["ports"]
        self._sql = Sql(self._ports["postgres"], read_json(layout.secrets)["postgres"])
        self._delivery = Peer(layout, self._ports["delivery_internal"], "delivery", "campaigns")
        self._tenants = tenants.make(self._sql, sink.port, COMPANIES, MAILBOXES)
        # (moment, company, keys) whose waits are looked up once they must have gone.
        self._probes = []

    def results(self, minutes, probe_mails):
        with step(f"The maximum, with {probe_mails} mails"):
            most = self._maximum(probe_mails)
        rate = most / 2
        say(f"  At most {most:.0f} mails/s; {rate:.0f} for {duration(minutes * 60)}.")
        samples = self._keep_up(rate, minutes * 60)
        samples = samples[round(len(samples) * WARM_UP):]
        if len(samples) < 3:
            raise Failure("That was too short for three samples; take more --minutes.")
        for name, unit in MEASURES:
            values = [sample[name] for sample in samples]
            first, last = thirds(values)
            yield {
                "name": f"{name}, the last third beside the first", "value": round(last, 1), "unit": unit, "beside": round(first, 1),
                "ratio": round(slope(values), 3)}

    def _maximum(self, mails):
        """Mails a second, as the ledger has it."""
        self._sql.run("update delivery.job_queues set paused_at = now(), pause_reason = 'benchmark'")
        for tenant in self._tenants:
            tenants.enqueue(self._delivery, tenant, mails // COMPANIES)
        self._sql.run("update delivery.job_queues set paused_at = null")
        deadline = time.monotonic() + 600
        while self._open() > 0:
            if time.monotonic() > deadline:
                raise Failure("The mails were not sent within ten minutes.")
            time.sleep(0.5)
        seconds = self._sql.value("select extract(epoch from max(resolved_at) - min(data_sent_at)) from delivery.sends")
        return mails // COMPANIES * COMPANIES / float(seconds)

    def _open(self):
        return int(self._sql.value("select coalesce(sum(waiting + active), 0) from delivery.queue_counters where queue like 'queue:email%'"))

    def _keep_up(self, rate, seconds):
        """Plans mails at that rate, a company after the other, and samples; whoever falls behind catches up."""
        began, planned, turn, samples, sampled_at = time.monotonic(), 0, 0, [], time.monotonic()
        with live_line() as line:
            while (passed := time.monotonic() - began) < seconds:
                due = int(rate * passed) - planned
                if due > 0:
                    batch = min(due, tenants.BATCH)
                    tenant = self._tenants[turn % COMPANIES]
                    turn += 1
                    keys = tenants.enqueue(self._delivery, tenant, batch)
                    planned += batch
                    self._probes.append((time.monotonic(), tenant, keys[:SAMPLED]))
                if time.monotonic() - sampled_at >= PERIOD:
                    sampled_at += PERIOD
                    samples.append(self._sample())
                    line(f"  {duration(passed)} of {duration(seconds)}: {planned} mails, {samples[-1]}")
                time.sleep(0.05)
            line(f"  {planned} mails planned in {duration(seconds)}.", final=True)
        if planned < 0.95 * rate * seconds:
            raise Failure(f"Only {planned} of {rate * seconds:.0f} mails could be planned in time.")
        return samples

    def _sample(self):
        values = {f"resident memory of {service}": self._resident(service) for service in SERVICES}
        values["connections to Postgres"] = int(self._sql.value("select count(*) from pg_stat_activity where usename ~ '_(api|worker|owner)$'"))
        values["dead rows"] = int(self._sql.value("select coalesce(sum(n_dead_tup), 0) from pg_stat_user_tables"))
        used = next(line for line in redis.command(self._ports["redis"], "INFO", "memory").splitlines() if line.startswith("used_memory:"))
        values["memory of Redis"] = int(used.partition(":")[2]) / 1_048_576
        values["mails that wait"] = self._open()
        values["wait of a mail, p99"] = self._wait() * 1_000
        return values

    def _resident(self, service):
        process = self._stack.process(service)
        if process is None:
            raise Failure(f"{service} has died.")
        return int(Path(f"/proc/{process['pid']}/status").read_text().split("VmRSS:")[1].split()[0]) / 1_024

    def _wait(self):
        """Of the mails that were planned in the last period but one; one that has not gone yet has waited since."""
        now = time.monotonic()
        due = [probe for probe in self._probes if now - probe[0] >= PERIOD]
        self._probes = [probe for probe in self._probes if now - probe[0] < PERIOD]
        probes = due[-20:]
        if not probes:
            return 0.0
        waits = tenants.waits(self._sql, [(tenant, key) for _, tenant, keys in probes for key in keys])
        # Since when those wait that have not gone is not looked up: it is since the oldest at most, and that is what is said.
        missing = sum(len(keys) for _, _, keys in probes) - len(waits)
        return percentile(waits + [now - probes[0][0]] * missing, 0.99)
