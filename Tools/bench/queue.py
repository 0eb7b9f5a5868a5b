"""No-op jobs a second, enqueued in batches, admitted, handed over and done, beside a bare claim-and-finish cycle in SQL on the same table."""

import os
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

from bench import peers
from bench.delivery import Sql
from penguin import demo, services
from penguin.layout import Layout, read_json
from penguin.rpc import Peer
from penguin.terminal import Failure, say

JOBS = 60_000
BATCH = 1_000
LANES = 50
QUEUE = "queue:webhook:process"
KIND = "benchmark.nothing"
OPEN = f"select exists (select from delivery.jobs where kind = '{KIND}' and state in ('queued', 'running'))"

# As few statements as a queue can do with: claim 100, finish 100, one commit each, on rows as ours.
BARE = """
create procedure delivery.bare_cycle() language plpgsql as $$
declare
    ids uuid[];
begin
    loop
        with picked as materialized (
            select id from delivery.jobs where tenant_id = %s and lane_id = %s and queue = %s and state = 'queued' order by priority, run_at, id limit 100 for update skip locked)
        update delivery.jobs j set state = 'running', attempt = attempt + 1, fence = fence + 1, claimed_at = now(),
            lease_until = now() + interval '30 seconds' from picked p where j.id = p.id;
        commit;
        select array_agg(id) into ids from delivery.jobs where tenant_id = %s and lane_id = %s and state = 'running';
        exit when ids is null;
        update delivery.jobs set state = 'completed', finished_at = now(), lease_until = null where id = any(ids);
        commit;
    end loop;
end $$
"""


def run(options):
    if services.configuration() != "release":
        say("  This measures a debug build; PENGUIN_CONFIGURATION=release ./penguin bench measures what would be deployed.")
    with tempfile.TemporaryDirectory(prefix="penguin-bench-") as folder:
        os.environ["PENGUIN_LOCAL"] = folder
        os.environ["DELIVERY_WORKER_SLOTS"] = "1000"
        layout = Layout()
        stack = demo.running_stack(layout, options.no_build)
        try:
            sql = Sql(stack.facts["ports"]["postgres"], read_json(layout.secrets)["postgres"])
            delivery = Peer(layout, stack.facts["ports"]["delivery_internal"], "delivery", "campaigns")
            whole = _whole(delivery, sql)
            drained = _drained(delivery, sql)
            bare = _bare(sql)
            peer = _pgqueuer(stack, layout, sql)
        finally:
            stack.stop()
    for name, value in (("enqueued and done", whole), ("drained", drained)):
        yield {"name": f"queue, {name}", "value": round(value), "unit": "jobs/s", "beside": round(bare), "ratio": round(value / bare, 3)}
    yield {
        "name": "queue, drained, beside pgqueuer", "value": round(drained), "unit": "jobs/s", "beside": round(peer),
        "ratio": round(drained / peer, 3)}


def _pgqueuer(stack, layout, sql):
    """Jobs a second that pgqueuer drains from the same server, in a database of its own."""
    sql.run("create database pgqueuer")
    port, password = stack.facts["ports"]["postgres"], read_json(layout.secrets)["postgres"]
    python = peers.python()
    environment = {
        **os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "postgres", "PGPASSWORD": password, "PGDATABASE": "pgqueuer",
        "PEER_POSTGRES": f"postgresql://postgres:{password}@127.0.0.1:{port}/pgqueuer"}
    subprocess.run([python, "-m", "pgqueuer", "install"], env=environment, check=True, capture_output=True, cwd="/tmp")
    drain = Path(peers.__file__).parent / "pgqueuer_drain.py"
    result = subprocess.run([python, str(drain), str(JOBS)], env=environment, check=True, capture_output=True, text=True, cwd="/tmp", timeout=300)
    return float(result.stdout.split()[-1])


def _enqueue(delivery):
    tenant, lanes = str(uuid.uuid4()), [str(uuid.uuid4()) for _ in range(LANES)]
    due = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    for first in range(0, JOBS, BATCH):
        jobs = [
            {"key": str(number), "lane": lanes[number % LANES], "payload": {}, "priority": 100, "due_at": due} for number in range(first, first + BATCH)
        ]
        delivery.call("enqueueJobs", tenant=tenant, queue=QUEUE, kind=KIND, jobs=jobs)


def _whole(delivery, sql):
    started = time.monotonic()
    _enqueue(delivery)
    _wait(sql)
    return JOBS / (time.monotonic() - started)


def _drained(delivery, sql):
    sql.run(f"update delivery.job_queues set paused_at = now() where name = '{QUEUE}'")
    _enqueue(delivery)
    started = time.monotonic()
    sql.run(f"update delivery.job_queues set paused_at = null where name = '{QUEUE}'")
    _wait(sql)
    return JOBS / (time.monotonic() - started)


def _wait(sql):
    deadline = time.monotonic() + 300
    while sql.value(OPEN) == "t":
        if time.monotonic() > deadline:
            raise Failure("The jobs were not done within five minutes.")
        time.sleep(0.2)


def _bare(sql):
    # One lane, so that the first hundred come out of an index.
    tenant = lane = f"'{uuid.uuid4()}'"
    sql.run(
        f"""insert into delivery.jobs (id, queue, kind, tenant_id, lane_id, priority, run_at, created_at)
        select gen_random_uuid(), '{QUEUE}', 'benchmark.bare', {tenant}, {lane}, 100, now(), now() from generate_series(1, {JOBS})""")
    sql.run(BARE % (tenant, lane, f"'{QUEUE}'", tenant, lane))
    sql.run("analyze delivery.jobs")
    started = time.monotonic()
    sql.run("call delivery.bare_cycle()")
    return JOBS / (time.monotonic() - started)
