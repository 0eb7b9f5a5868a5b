"""Mails a second, from the claim to the committed outcome, beside Postfix' smtp-source into the same sink.

Everything durable: Postgres flushes each commit, `data_sent` is committed before a mail's last dot, its outcome after the reply.
"""

import json
import os
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

from bench import peers
from penguin import demo, services
from penguin.api import Api
from penguin.journey import Journey
from penguin.layout import Layout, read_json
from penguin.ports import pick
from penguin.postgres import DATABASE, psql_command, psql_environment
from penguin.processes import program
from penguin.rpc import Peer
from penguin.terminal import Failure, say, wait_until

MAILS = 20_000
BATCH = 500
MAILBOXES = 5
CONNECTIONS = 20
BODY = 4_700
CELERY_MAILS = 3_000


def run(options):
    if services.configuration() != "release":
        say("  This measures a debug build; PENGUIN_CONFIGURATION=release ./penguin bench measures what would be deployed.")
    with tempfile.TemporaryDirectory(prefix="penguin-bench-") as folder:
        os.environ["PENGUIN_LOCAL"] = folder
        os.environ["DELIVERY_CONNECTIONS_PER_MAILBOX"] = str(CONNECTIONS // MAILBOXES)
        os.environ["DELIVERY_WORKER_SLOTS"] = "512"
        layout = Layout()
        stack = demo.running_stack(layout, options.no_build)
        try:
            with Sink() as sink:
                peers = (("smtp-source -s 20", []), ("smtp-source -d -s 20 (connections kept)", ["-d"]))
                # Before and after ours: on a shared machine the peer of one moment is not that of the next.
                celery = _celery(stack, layout, sink)
                before = [_smtp_source(sink, arguments) for _, arguments in peers]
                load = Load(stack, layout, sink)
                ours = load.run("unsigned")
                after = [_smtp_source(sink, arguments) for _, arguments in peers]
                for (name, _), first, second in zip(peers, before, after):
                    beside = (first + second) / 2
                    yield {
                        "name": f"delivery, beside {name}", "value": round(ours), "unit": "mails/s", "beside": round(beside),
                        "ratio": round(ours / beside, 3)}
                yield {
                    "name": "delivery, beside Celery, Redis, smtplib and a row a mail", "value": round(ours), "unit": "mails/s",
                    "beside": round(celery), "ratio": round(ours / celery, 2)}
                yield _signed(load, ours)
        finally:
            stack.stop()


class Sink:
    """Postfix' smtp-sink on a free port."""

    def __enter__(self):
        self.port = pick()
        self._process = subprocess.Popen(
            [program("smtp-sink", "postfix"), "-u", "postfix", f"127.0.0.1:{self.port}", "1000"], stdout=subprocess.DEVNULL, cwd="/tmp")
        wait_until("The start of smtp-sink", self._answers, 10)
        return self

    def _answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()


def _signed(load, before):
    """The same load of a domain with keys in use, beside what the processors have time for: that of an unsigned mail and of its signatures."""
    load.activate_keys()
    signed = load.run("signed")
    # Before and after, as with the others: the tables have grown meanwhile.
    unsigned = 2 / (1 / before + 1 / load.run("again"))
    load.require_signed()
    signature = _signature_seconds()
    cores = len(os.sched_getaffinity(0))
    possible = 1 / (1 / unsigned + signature / cores)
    say(f"  unsigned {unsigned:.0f} mails/s; the signatures of a mail (RSA 2048 and Ed25519) take {signature * 1e6:.0f} µs of a core; {cores} cores.")
    return {
        "name": "delivery, signed, beside what the cores have time for", "value": round(signed), "unit": "mails/s", "beside": round(possible),
        "ratio": round(signed / possible, 3)}


def _signature_seconds():
    """What signing one mail costs a core, measured alone by the same executable."""
    command = [str(services.executable("delivery")), "--measure-signatures"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd="/tmp").stdout)["microseconds"] / 1e6


class Load:
    """Mail of a company, sent by its mailboxes; they have their addresses in a domain with keys, or in one without."""

    DOMAINS = {"unsigned": "example.com", "signed": "bench.example.com", "again": "example.com"}

    def __init__(self, stack, layout, sink):
        facts, passwords = stack.facts, read_json(layout.secrets)
        self._journey = Journey(Api(facts["url"], layout.authority), layout.maildir, facts["ports"]["mail"], passwords["mail_demo"])
        self._journey.sign_up()
        self._journey.set_up()
        smtp = {"host": "127.0.0.1", "port": sink.port, "security": "none", "username": "", "password": ""}
        self._mailboxes = [
            self._journey.api.post(
                "/api/v1/mailboxes",
                {"workspace": self._journey.workspace, "address": f"bench{number}@example.com", "display_name": "Bench", "smtp": smtp})["id"]
            for number in range(MAILBOXES)
        ]
        self._sql = Sql(facts["ports"]["postgres"], passwords["postgres"])
        self._tenant = self._sql.value(f"select tenant_id from delivery.mailboxes where id = '{self._mailboxes[0]}'")
        self._delivery = Peer(layout, facts["ports"]["delivery_internal"], "delivery", "campaigns")

    def run(self, name):
        """Mails a second, from the first claim to the last outcome."""
        self._sql.run("update delivery.job_queues set paused_at = now(), pause_reason = 'benchmark'")
        # The same mailboxes and lanes for every load.
        self._sql.run(
            f"update delivery.mailboxes set address = split_part(address, '@', 1) || '@{self.DOMAINS[name]}' where address like 'bench%'")
        _enqueue(self._delivery, self._tenant, self._journey.workspace, self._mailboxes, name)
        self._sql.run("update delivery.job_queues set paused_at = null")
        deadline = time.monotonic() + 300
        while self._sql.value("select exists (select from delivery.jobs where state in ('queued', 'running') and kind = 'email')") == "t":
            if time.monotonic() > deadline:
                raise Failure("The mails were not sent within five minutes.")
            # Seldom, since looking costs the database what sending needs.
            time.sleep(1)
        # The first claim falls before the first mark by less than the mark's own wait; the last outcome is stamped before its commit.
        accepted, seconds = self._sql.value(
            "select count(*) filter (where state = 'accepted'), extract(epoch from max(resolved_at) - min(data_sent_at)) from delivery.sends "
            f"where send_key like 'test:{name}:%'").split("|")
        if int(accepted) != MAILS:
            raise Failure(f"{accepted} of {MAILS} mails were accepted.")
        return MAILS / float(seconds)

    def activate_keys(self):
        """Keys as a company gets them; that they are published is written, since no DNS of the world has them."""
        self._journey.api.post("/api/v1/signing-keys", {"domain": self.DOMAINS["signed"]})
        self._sql.run("update delivery.signing_keys set state = 'active', activated_at = now(), look_at = now() + interval '1 day'")

    def require_signed(self):
        """A benchmark of signing that did not sign would say nothing."""
        if self._sql.value("select count(*) from delivery.signing_keys where state = 'active' and signs_until is not null") != "2":
            raise Failure("The mails of the domain with keys were not signed.")


def _celery(stack, layout, sink):
    """Mails a second of eight Celery processes, from the first row to the last."""
    ports, password = stack.facts["ports"], read_json(layout.secrets)["postgres"]
    sql = Sql(ports["postgres"], password)
    sql.run("create table peer_mails (number bigint primary key, state text not null, sent_at timestamptz not null)")
    python = peers.python()
    environment = {
        **os.environ, "PEER_REDIS": f"redis://127.0.0.1:{ports['redis']}/1", "PEER_SMTP": str(sink.port),
        "PEER_POSTGRES": f"postgresql://postgres:{password}@127.0.0.1:{ports['postgres']}/{DATABASE}", "PYTHONPATH": str(Path(peers.__file__).parent)}
    put = f"from celery_mail import send\nfor number in range({CELERY_MAILS}): send.delay(number)"
    subprocess.run([python, "-c", put], env=environment, check=True, cwd="/tmp")
    worker = subprocess.Popen(
        [python, "-m", "celery", "-A", "celery_mail", "worker", "-P", "prefork", "-c", "8", "-l", "error", "--without-gossip",
         "--without-mingle", "--without-heartbeat"],
        env=environment, cwd="/tmp", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until("Celery's last mail", lambda: sql.value("select count(*) from peer_mails") == str(CELERY_MAILS), 300)
    finally:
        worker.terminate()
        worker.wait()
    # Without the start of its processes.
    return float(sql.value(
        "select count(*) / extract(epoch from max(sent_at) - min(sent_at)) from peer_mails where number >= 200"))


def _enqueue(delivery, tenant, workspace, mailboxes, name):
    body = ("x" * 72 + "\n") * (BODY // 73)
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    for first in range(0, MAILS, BATCH):
        sends = [
            {"send_key": f"test:{name}:{uuid.uuid4()}", "workspace": workspace, "mailbox": mailboxes[number % MAILBOXES],
             "recipient": f"lead{number}@example.org", "subject": "A question", "text": body, "priority": 100, "due_at": now}
            for number in range(first, first + BATCH)
        ]
        delivery.call("enqueueSends", tenant=tenant, sends=sends)


def _smtp_source(sink, arguments):
    # The length is that of the message which the composer makes of our body.
    command = [program("smtp-source", "postfix"), *arguments, "-s", str(CONNECTIONS), "-m", str(MAILS), "-l", "5120", f"127.0.0.1:{sink.port}"]
    started = time.monotonic()
    subprocess.run(command, check=True, cwd="/tmp")
    return MAILS / (time.monotonic() - started)


class Sql:
    """The database as its superuser sees it."""

    def __init__(self, port, password):
        self._command = psql_command(port, "postgres", DATABASE) + ["-qXAt", "-v", "ON_ERROR_STOP=1", "-c"]
        self._environment = psql_environment(password)

    def run(self, statement):
        return subprocess.run([*self._command, statement], env=self._environment, check=True, capture_output=True, text=True).stdout

    def value(self, statement):
        return self.run(statement).strip()
