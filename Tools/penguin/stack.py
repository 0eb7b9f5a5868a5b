"""One private stack: what belongs to it, in which order it starts, and how a command finds a running one."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

from penguin import certificates, dns, gateway, mail, peers, ports, redis, rolling, secrets_file, services
from penguin.layout import ROOT, read_json, write_private_json
from penguin.postgres import Postgres
from penguin.processes import end, fingerprint, is_alive, send
from penguin.supervisor import Supervisor
from penguin.terminal import Failure, Interrupted, say, wait_until


def supervise(layout, quiet_when_ready=False, planned=None):
    """Starts the stack and keeps it until Ctrl-C or SIGTERM; at the end, whatever that is, no process is left."""
    layout.make()
    supervisor = Supervisor(layout)
    supervisor.acquire()
    if layout.restoring.exists():
        raise Failure(f"A restore into {layout.folder} was broken off. Remove the folder and restore again.")
    try:
        groups, facts = (planned or plan)(layout)
        supervisor.start(groups, facts)
        say(f"  The stack is up: {facts['url']}")
        if quiet_when_ready:
            supervisor.be_quiet()
        else:
            say("  Ctrl-C stops it.")
        supervisor.keep(rolling.Restarts(layout, supervisor, facts["ports"]).serve)
    except Interrupted:
        pass
    except Failure:
        # A Ctrl-C reaches the small programs that a start calls, too: their failure is then no news.
        if not supervisor.is_stopping:
            raise
    finally:
        say("  Stopping …")
        supervisor.stop()


def plan(layout):
    """Writes everything that the processes read and names them, in groups that start together."""
    claimed = ports.claim(layout)
    passwords = secrets_file.passwords(layout.secrets)
    secrets_file.make_keys(layout.keys)
    secrets_file.write_mail_users(layout.mail_users, passwords)
    local = ["localhost", "127.0.0.1"]
    certificates.make(layout.authority, layout.certificates, {"gateway": local, "mail": local})
    groups = [
        [
            Postgres(layout, claimed["postgres"], passwords).component(), redis.component(layout, claimed["redis"]),
            mail.component(layout, claimed["mail"]), dns.component(layout, claimed["dns"]), peers.component(layout, claimed),
        ],
        services.components(layout, claimed, passwords),
        [gateway.component(layout, claimed)],
    ]
    return groups, {"url": services.base_url(claimed), "ports": claimed, "configuration": services.configuration()}


class RunningStack:
    """A stack that a supervisor keeps, seen from another process."""

    def __init__(self, layout, supervisor=None):
        self.layout = layout
        # The supervisor, when it is our child: then it ends with us.
        self._supervisor = supervisor

    @classmethod
    def find(cls, layout):
        """The stack of this folder, if one is up."""
        return cls(layout) if is_ready(layout) else None

    @classmethod
    def start(cls, layout, detached, *more):
        """Starts one in a process of its own and waits until it is ready; a detached one stays when we end. `more` is for its keeper."""
        if is_alive(read_json(layout.state, {}).get("supervisor")):
            raise Failure("A stack is just starting or stopping. Wait a moment and try again.")
        command = [sys.executable, str(ROOT / "Tools" / "penguin"), "supervise"] + ([] if detached else ["--leash", str(os.getpid())]) + list(more)
        supervisor = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            while not is_ready(layout):
                if supervisor.poll() is not None:
                    # It has said why.
                    raise SystemExit(1)
                time.sleep(0.1)
        except BaseException:
            supervisor.terminate()
            supervisor.wait()
            raise
        return cls(layout, None if detached else supervisor)

    @property
    def is_ours(self):
        return self._supervisor is not None

    def process(self, name):
        """The process of a component as it is now, or None while it is away."""
        process = read_json(self.layout.state, {}).get("processes", {}).get(name)
        return process if is_alive(process) else None

    @contextmanager
    def without(self, name):
        """Kills a component and keeps it away while the block runs, at most as long as we live; then waits until it is started again."""
        held = self.layout.held(name)
        write_private_json(held, fingerprint(os.getpid()))
        try:
            while process := self.process(name):
                send(process, signal.SIGKILL)
                time.sleep(0.05)
            yield
        finally:
            held.unlink()
        wait_until(f"{name} is started again", lambda: self.process(name), 20)

    @property
    def facts(self):
        state = read_json(self.layout.state)
        if state is None:
            raise Failure("The stack has gone.")
        return state

    def wait(self):
        """Until the stack ends."""
        self._supervisor.wait()

    def stop(self):
        if self._supervisor and self._supervisor.poll() is None:
            say("  Stopping …")
            self._supervisor.terminate()
            self._supervisor.wait()


def is_ready(layout):
    state = read_json(layout.state, {})
    return bool(state.get("ready")) and is_alive(state.get("supervisor"))


def stop(layout):
    """Ends the stack of this folder, whoever started it; true when there was one."""
    state = read_json(layout.state, {})
    supervisor = state.get("supervisor")
    if is_alive(supervisor) and send(supervisor, signal.SIGTERM):
        end([supervisor], 120)
        return True
    left = [process for process in state.get("processes", {}).values() if is_alive(process)]
    for process in left:
        send(process, signal.SIGTERM)
    end(left, 30)
    layout.state.unlink(missing_ok=True)
    return bool(left)
