"""Starts the components in order, keeps them running, and leaves nothing behind, whatever happens."""

import fcntl
import os
import signal
import subprocess
import sys
import time

from penguin.layout import read_json, write_private_json
from penguin.processes import end, fingerprint, is_alive, last_lines, open_log
from penguin.terminal import Failure, Interrupted, duration, say, step


class Supervisor:
    """The parent of every process of one stack; a lock on `run/lock`, held as long as it lives, says that there is one."""

    def __init__(self, layout):
        self._layout = layout
        self._groups = []
        self._stopping = False
        self._lock = None
        self._facts = {}

    @property
    def is_stopping(self):
        return self._stopping

    def acquire(self, heeds_signals=True):
        """Becomes the one supervisor of this folder, after the end of what a killed predecessor may have left. Whoever only keeps others out of the
        folder for a while leaves signals as they are."""
        self._lock = open(self._layout.lock, "w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Failure("The stack is running already. ./penguin down stops it.") from None
        if heeds_signals:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, self._stop_soon)
        left = [process for process in read_json(self._layout.state, {}).get("processes", {}).values() if is_alive(process)]
        if left:
            say("  Waiting for the processes of an earlier stack to end …")
            end(left, 25)

    def start(self, groups, facts):
        """Starts each group of components together, one group after the other, and waits until each is ready."""
        self._facts = facts
        for group in groups:
            self._groups.append(group)
            with step(", ".join(component.name for component in group)):
                for component in group:
                    component.start()
                    self._write_state(ready=False)
                for component in group:
                    self._await(component)
                    component.prepare()
        self._write_state(ready=True)

    def keep(self, serve=lambda: None):
        """Restarts what crashes, unless somebody who is still there wants it away, and does what `serve` finds to do, until somebody asks us to stop."""
        while not self._stopping:
            self.tend()
            serve()
            time.sleep(0.1)

    def tend(self):
        """One look at everything that was started."""
        for component in self._components():
            self._look_after(component)

    def component(self, name):
        return next((component for component in self._components() if component.name == name), None)

    def replace(self, old, new):
        """`new`, which runs already, stands for `old` from now on; the caller ends that."""
        for group in self._groups:
            group[:] = [new if component is old else component for component in group]
        self._write_state(ready=True)

    def stop(self):
        """Ends everything that was started, the last group first, and waits for it."""
        for group in reversed(self._groups):
            running = [component for component in group if component.process and not component.has_ended()]
            for component in running:
                component.process.send_signal(component.stop_signal)
            for component in running:
                try:
                    component.process.wait(component.stop_seconds)
                except subprocess.TimeoutExpired:
                    say(f"  {component.name} did not end within {duration(component.stop_seconds)} and is killed.")
                    component.process.kill()
                    component.process.wait()
        self._layout.state.unlink(missing_ok=True)

    def be_quiet(self):
        """From now on our words go to the log: whoever started us has the terminal back."""
        with open_log(self._layout.log("stack")) as log:
            for descriptor in (sys.stdout.fileno(), sys.stderr.fileno()):
                os.dup2(log.fileno(), descriptor)

    def _components(self):
        return [component for group in self._groups for component in group]

    def _await(self, component):
        deadline = time.monotonic() + component.start_seconds
        while True:
            if self._stopping:
                raise Interrupted
            if component.has_ended():
                self._give_up(component, f"{component.name} {component.how_it_ended()} while it was starting.")
            missing = component.missing(component)
            if missing is None:
                return
            if time.monotonic() > deadline:
                self._give_up(component, f"{component.name} is not ready after {duration(component.start_seconds)}: {missing}")
            time.sleep(0.05)

    def _give_up(self, component, reason):
        lines = "\n".join("    " + line for line in last_lines(component.log).splitlines())
        raise Failure(f"{reason}\n  The end of {component.log}:\n{lines}")

    def _look_after(self, component):
        now = time.monotonic()
        if component.restart_at is not None:
            if now >= component.restart_at and not is_alive(read_json(self._layout.held(component.name))):
                component.start()
                self._write_state(ready=True)
        elif component.has_ended():
            component.schedule_restart()
            say(f"  {time.strftime('%H:%M:%S')} {component.name} {component.how_it_ended()}; it is started again.")

    def _write_state(self, ready):
        processes = {component.name: component.identity for component in self._components() if component.identity}
        write_private_json(
            self._layout.state, {**self._facts, "ready": ready, "supervisor": fingerprint(os.getpid()), "processes": processes})

    def _stop_soon(self, *_):
        self._stopping = True
