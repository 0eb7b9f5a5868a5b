"""The way of one mail on an idle system, and Delivery's memory with a million waiting jobs."""

import os
import socket
import statistics
import tempfile
import threading
import time
import uuid
from pathlib import Path

from bench.delivery import Sql
from penguin import demo, services
from penguin.api import Api
from penguin.journey import Journey
from penguin.layout import Layout, read_json
from penguin.rpc import Peer
from penguin.terminal import say

MAILS = 300
WAITING = 1_000_000
LANES = 1_000
LATENCY_LIMIT_MS = 50
MEMORY_LIMIT_MB = 120


def run(options):
    if services.configuration() != "release":
        say("  This measures a debug build; PENGUIN_CONFIGURATION=release ./penguin bench measures what would be deployed.")
    with tempfile.TemporaryDirectory(prefix="penguin-bench-") as folder:
        os.environ["PENGUIN_LOCAL"] = folder
        layout = Layout()
        stack = demo.running_stack(layout, options.no_build)
        try:
            sql = Sql(stack.facts["ports"]["postgres"], read_json(layout.secrets)["postgres"])
            with Listener() as listener:
                times = _latencies(stack, layout, sql, listener)
            for name, value in (("p50", statistics.median(times)), ("p99", statistics.quantiles(times, n=100)[98])):
                yield {
                    "name": f"idle, enqueue to first SMTP byte, {name}", "value": round(value * 1_000, 1), "unit": "ms", "beside": LATENCY_LIMIT_MS,
                    "ratio": round(value * 1_000 / LATENCY_LIMIT_MS, 3)}
            resting, working = _memory(sql)
            for name, value in (("waiting", resting), ("being worked off", working)):
                yield {
                    "name": f"resident memory of Delivery, {WAITING} jobs {name}", "value": round(value), "unit": "MB", "beside": MEMORY_LIMIT_MB,
                    "ratio": round(value / MEMORY_LIMIT_MB, 3)}
        finally:
            stack.stop()


class Listener:
    """A mail server that notes when the first byte of each mail's conversation comes."""

    def __enter__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.begun = {}
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._socket.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"220 ready\r\n")
        lines = connection.makefile("rb")
        began = None
        while line := lines.readline():
            word = line[:4].upper()
            if word == b"MAIL":
                began = time.monotonic()
            if word == b"RCPT":
                self.begun[line.decode().split("<")[1].split(">")[0]] = began
            if word == b"DATA":
                connection.sendall(b"354 go on\r\n")
                while lines.readline() != b".\r\n":
                    pass
            connection.sendall(b"250-ready\r\n250 PIPELINING\r\n" if word == b"EHLO" else b"250 fine\r\n")


def _latencies(stack, layout, sql, listener):
    facts, passwords = stack.facts, read_json(layout.secrets)
    journey = Journey(Api(facts["url"], layout.authority), layout.maildir, facts["ports"]["mail"], passwords["mail_demo"])
    journey.sign_up()
    journey.set_up()
    smtp = {"host": "127.0.0.1", "port": listener.port, "security": "none", "username": "", "password": ""}
    mailbox = journey.api.post(
        "/api/v1/mailboxes", {"workspace": journey.workspace, "address": "idle@example.com", "display_name": "Idle", "smtp": smtp})["id"]
    tenant = sql.value(f"select tenant_id from delivery.mailboxes where id = '{mailbox}'")
    delivery = Peer(layout, facts["ports"]["delivery_internal"], "delivery", "campaigns")
    times = []
    for number in range(MAILS + 20):
        recipient = f"lead{number}@example.org"
        send = {
            "send_key": f"test:{uuid.uuid4()}", "workspace": journey.workspace, "mailbox": mailbox, "recipient": recipient, "subject": "A question",
            "text": "Hello\n", "priority": 100, "due_at": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())}
        # From the moment at which somebody asks, the commit of the asking included.
        asked = time.monotonic()
        delivery.call("enqueueSends", tenant=tenant, sends=[send])
        while recipient not in listener.begun and time.monotonic() - asked < 10:
            time.sleep(0.001)
        times.append(listener.begun[recipient] - asked)
        # The next finds everything at rest again.
        time.sleep(0.05)
    return times[20:]


def _memory(sql):
    """Megabytes: at most while a million jobs wait behind a pause, and while they are worked off."""
    pid = _delivery()
    queue = "queue:webhook:process"
    sql.run(f"update delivery.job_queues set paused_at = now() where name = '{queue}'")
    sql.run(
        f"""insert into delivery.jobs (id, queue, kind, tenant_id, lane_id, priority, run_at, created_at)
        select gen_random_uuid(), '{queue}', 'benchmark.nothing', md5((n % 100)::text)::uuid, md5((n % {LANES})::text)::uuid, 100, now(), now()
        from generate_series(1, {WAITING}) n""")
    sql.run(
        f"""insert into delivery.lanes (queue, tenant_id, lane_id, next_at)
        select distinct queue, tenant_id, lane_id, now() from delivery.jobs where kind = 'benchmark.nothing'""")
    sql.run("analyze delivery.jobs, delivery.lanes")
    resting = _most(pid, 5)
    sql.run(f"update delivery.job_queues set paused_at = null where name = '{queue}'")
    return resting, _most(pid, 20)


def _delivery():
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if Path(os.readlink(folder / "exe")).name == "Delivery" and os.environ["PENGUIN_LOCAL"].encode() in (folder / "environ").read_bytes():
                return int(folder.name)
        except OSError:
            continue
    raise LookupError("there is no process of Delivery")


def _most(pid, seconds):
    most = 0
    for _ in range(seconds * 10):
        status = Path(f"/proc/{pid}/status").read_text()
        most = max(most, int(status.split("VmRSS:")[1].split()[0]))
        time.sleep(0.1)
    return most / 1_024
