"""Faults in the middle of sending: each part of the stack dies once, at a given point of the campaign."""

import signal

from penguin import redis
from penguin.layout import SERVICES
from penguin.processes import send
from penguin.terminal import interject


class Chaos:
    """Applies one fault after the other, spread evenly over the leads."""

    def __init__(self, stack, leads):
        self._stack = stack
        self._leads = leads
        kills = [(f"kill -9 {service}", self._signal(service, signal.SIGKILL)) for service in SERVICES]
        faults = kills + [("redis FLUSHALL", self._flush), ("postgres immediate restart", self._signal("postgres", signal.SIGQUIT))]
        self._waiting = [(leads * (number + 1) // (len(faults) + 1), name, apply) for number, (name, apply) in enumerate(faults)]
        self.applied = []

    def on_progress(self, progress):
        """Applies the next fault when its point is reached."""
        resolved = progress["sent"] + progress["bounced"] + progress["failed"] + progress["held"]
        if self._waiting and resolved >= self._waiting[0][0]:
            _, name, apply = self._waiting[0]
            # Not while it is away: it would be the same fault twice.
            if apply():
                self._waiting.pop(0)
                self.applied.append({"fault": name, "resolved": resolved, "of": self._leads})
                interject(f"    {name} at {resolved} of {self._leads}")

    @property
    def missed(self):
        """Faults whose point never came, because sending had ended."""
        return [name for _, name, _ in self._waiting]

    def _signal(self, name, number):
        def apply():
            process = self._stack.process(name)
            return process is not None and send(process, number)
        return apply

    def _flush(self):
        port = self._stack.facts["ports"]["redis"]
        process = self._stack.process("redis")
        # Nobody else's Redis is emptied.
        if process is None or redis.server_pid(port) != process["pid"]:
            return False
        return redis.command(port, "FLUSHALL") == "OK"
