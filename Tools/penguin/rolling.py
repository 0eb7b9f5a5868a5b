"""./penguin restart: services of a stack that is up, one after the other; with --rolling nobody notices.

The command writes what it wants into the stack's folder; the supervisor, whose children they are, does it and says how it went.
"""

import signal
import time
import uuid
from pathlib import Path

from penguin import gateway, peers, secrets_file, services, stack
from penguin.layout import SERVICES, Layout, read_json, write_private_json
from penguin.processes import fingerprint, is_alive
from penguin.terminal import Failure, duration, say

# How long requests that are under way when another takes over may still take; live pages are ended then, and come again by themselves.
PATIENCE = 15


def options(command):
    command.add_argument("services", nargs="*", metavar="service", help="which (default: all five)")
    command.add_argument(
        "--rolling", action="store_true", help="start another beside it, lead everybody there, and end the old one when nobody is with it any more")


def run(options):
    names = options.services or list(SERVICES)
    strange = [name for name in names if name not in SERVICES]
    if strange:
        raise Failure(f"There is no service {', '.join(strange)}; there are {', '.join(SERVICES)}.")
    for name, seconds in restart(Layout(), names, options.rolling):
        say(f"  {name}: {duration(seconds)}")
    return 0


def restart(layout, names, rolling=True):
    """Has it done by the supervisor of the stack that is up; what was done, as (name, seconds)."""
    running = stack.RunningStack.find(layout)
    if not running:
        raise Failure("The stack is not up. Start it with ./penguin up.")
    wish = {"id": str(uuid.uuid4()), "services": list(names), "rolling": rolling}
    write_private_json(layout.run / "restart.json", wish)
    while True:
        answer = read_json(layout.run / "restarted.json", {})
        if answer.get("id") == wish["id"]:
            break
        if not is_alive(running.facts["supervisor"]):
            raise Failure("The stack has gone.")
        time.sleep(0.1)
    if answer["failure"]:
        raise Failure(answer["failure"])
    return [tuple(one) for one in answer["done"]]


class Restarts:
    """The supervisor's side: looks whether somebody wants something, and does it."""

    def __init__(self, layout, supervisor, ports):
        self._layout = layout
        self._supervisor = supervisor
        # Those that the state says; a service's own and its next change places with each rolling restart.
        self._ports = ports
        self._instances = {service: 1 for service in SERVICES}
        # Nobody waits any more for what an earlier stack was asked.
        for name in ("restart.json", "restarted.json"):
            (layout.run / name).unlink(missing_ok=True)

    def serve(self):
        path = self._layout.run / "restart.json"
        wish = read_json(path)
        if not wish:
            return
        path.unlink(missing_ok=True)
        done, failure = [], None
        try:
            for name in wish["services"]:
                began = time.monotonic()
                self._roll(name) if wish["rolling"] else self._restart(name)
                done.append((name, time.monotonic() - began))
        except Failure as problem:
            failure = str(problem)
        write_private_json(self._layout.run / "restarted.json", {"id": wish["id"], "done": done, "failure": failure})

    def _restart(self, name):
        """Ends it and lets the supervisor start it again, with the settings it had."""
        component = self._supervisor.component(name)
        before = component.pid
        component.process.send_signal(signal.SIGTERM)
        self._wait(f"{name} is ready again", lambda: component.pid != before and not component.has_ended() and component.missing(component) is None,
            90)

    def _roll(self, name):
        old, instance = self._supervisor.component(name), 3 - self._instances[name]
        swapped = {**self._ports}
        for side in ("public", "internal"):
            own, following = f"{name}_{side}", f"{name}_{side}_next"
            swapped[own], swapped[following] = self._ports[following], self._ports[own]
        # What it is told may have changed since: passwords, keys, the program itself.
        new = services.component(name, self._layout, swapped, secrets_file.passwords(self._layout.secrets), instance=str(instance))
        new.start()
        try:
            self._wait(f"the new {name} is ready", lambda: new.has_ended() or new.missing(new) is None, new.start_seconds)
            if new.has_ended():
                raise Failure(f"The new {name} {new.how_it_ended()}; the old one goes on. ./penguin logs {name} says why.")
            self._lead(swapped)
        except BaseException:
            self._lead_back(new)
            raise
        self._ports.update(swapped)
        self._instances[name] = instance
        self._supervisor.replace(old, new)
        if not old.has_ended():
            old.process.send_signal(old.stop_signal)
            try:
                self._wait(f"the old {name} has ended", old.has_ended, old.stop_seconds)
            except Failure:
                say(f"  The old {name} did not end within {duration(old.stop_seconds)} and is killed.")
                old.process.kill()
                old.process.wait()

    def _lead(self, ports):
        """Gateway and peers ask whoever has these ports; returns when nobody asks another any more."""
        for name, module in (("peers", peers), ("gateway", gateway)):
            module.write(self._layout, ports)
            self._reload(name)

    def _lead_back(self, new):
        """Nothing has come of it: everybody goes on as before."""
        for name, module in (("peers", peers), ("gateway", gateway)):
            module.write(self._layout, self._ports)
            component = self._supervisor.component(name)
            if component and not component.has_ended():
                component.process.send_signal(signal.SIGHUP)
        if not new.has_ended():
            new.process.kill()
        new.process.wait()

    def _reload(self, name):
        master = self._supervisor.component(name).pid
        before = [fingerprint(pid) for pid in children(master)]
        self._supervisor.component(name).process.send_signal(signal.SIGHUP)
        self._wait(f"{name} has read its new settings", lambda: any(fingerprint(pid) not in before for pid in children(master)), 10)
        deadline = time.monotonic() + PATIENCE
        while any(is_alive(process) for process in before) and time.monotonic() < deadline:
            self._supervisor.tend()
            time.sleep(0.05)

    def _wait(self, what, condition, seconds):
        deadline = time.monotonic() + seconds
        while not condition():
            if self._supervisor.is_stopping:
                raise Failure("The stack is being stopped.")
            if time.monotonic() > deadline:
                raise Failure(f"It did not come to it that {what}, within {duration(seconds)}.")
            self._supervisor.tend()
            time.sleep(0.05)


def children(pid):
    """The processes that a process has started and that are still there."""
    try:
        return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    except OSError:
        return []
