"""Does what the schedule says, at the count of mails at which it says so, and undoes it when its time is over."""

import os
import signal
import time

from chaos.ground import Disk, can_fill_disks, step_clock
from penguin import redis
from penguin.layout import write_private_json
from penguin.processes import fingerprint, send

# A fault that cannot be applied for so long, because what it is for does not come back, is itself a finding.
PATIENCE = 60


class Injector:
    """One fault after the other, also while an earlier one lasts."""

    def __init__(self, running, places, faults, tell):
        self._stack = running
        self._places = places
        self._waiting = list(faults)
        self._tell = tell
        # What is to be undone: moment, fault, how.
        self._lasting = []
        self._lines = {}
        self._sink_fault = None
        self._disk = Disk(running.facts["supervisor"]["pid"], places) if can_fill_disks() else None
        self._due_since = None
        self.applied = []
        self.missed = []

    @property
    def is_idle(self):
        return not self._waiting and not self._lasting

    def step(self, count, is_over=False):
        """Undoes what is over and applies what is due at `count` mails; with `is_over` nothing more will be due by itself, and the rest comes now."""
        now = time.monotonic()
        for entry in [entry for entry in self._lasting if entry[0] <= now]:
            self._lasting.remove(entry)
            entry[2]()
        if any(fault.kind == "disk-full" for _, fault, _ in self._lasting):
            self._disk.fill()
        if not self._waiting or not (is_over or count >= self._waiting[0].at):
            self._due_since = None
            return
        if is_over and self._lasting:
            return
        fault = self._waiting[0]
        self._due_since = self._due_since or now
        # Not while it is away: it would be the same fault twice.
        if self._apply(fault):
            self.applied.append((fault, count))
            self._tell(f"    {fault.number}. {fault} at {count}")
        elif now - self._due_since > PATIENCE:
            self.missed.append(fault)
        else:
            return
        self._waiting.pop(0)
        self._due_since = None

    def end(self):
        """Undoes everything at once."""
        for _, _, undo in self._lasting:
            undo()
        self._lasting = []

    def _apply(self, fault):
        kind = "smtp" if fault.kind.startswith("smtp-") else fault.kind.replace("-", "_")
        return getattr(self, f"_{kind}")(fault)

    def _last(self, fault, undo):
        self._lasting.append((time.monotonic() + fault.seconds, fault, undo))
        return True

    def _signal(self, name, number):
        process = self._stack.process(name)
        return process is not None and send(process, number)

    def _kill(self, fault):
        return self._signal(fault.detail["service"], signal.SIGKILL)

    def _postgres_restart(self, fault):
        return self._signal("postgres", signal.SIGQUIT)

    def _redis_flush(self, fault):
        port = self._stack.facts["ports"]["redis"]
        process = self._stack.process("redis")
        try:
            # Nobody else's Redis is emptied.
            return process is not None and redis.server_pid(port) == process["pid"] and redis.command(port, "FLUSHALL") == "OK"
        except (OSError, ValueError):
            return False

    def _redis_stop(self, fault):
        hold = self._stack.layout.held("redis")
        write_private_json(hold, fingerprint(os.getpid()))
        if not self._signal("redis", signal.SIGTERM):
            hold.unlink()
            return False
        return self._last(fault, lambda: hold.unlink(missing_ok=True))

    def _cut(self, fault):
        line = fault.detail["line"]
        self._set_line(line, fault.detail["how"])
        return self._last(fault, lambda: self._set_line(line, None))

    def _set_line(self, line, how):
        self._lines.pop(line, None)
        if how:
            self._lines[line] = how
        write_private_json(self._places.line_control, self._lines)

    def _disk_full(self, fault):
        self._disk.fill()
        return self._last(fault, self._disk.free)

    def _clock(self, fault):
        path = self._places.clock(fault.detail["service"])
        step_clock(path, fault.detail["step"])
        return self._last(fault, lambda: step_clock(path, 0))

    def _smtp(self, fault):
        self._sink_fault = fault.number
        write_private_json(self._places.sink_control, {"number": fault.number, **fault.detail})
        return self._last(fault, lambda: self._mend_sink(fault.number)) if fault.seconds else True

    def _mend_sink(self, number):
        # Unless another fault has taken its place meanwhile.
        if self._sink_fault == number:
            write_private_json(self._places.sink_control, {"number": number})
