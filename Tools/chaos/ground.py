"""The stack under faults: the ordinary one, with relays on its lines, a mail server that can fail, a small disk and a clock that can be stepped."""

import ctypes
import os
import pwd
import shutil
import struct
import subprocess
import sys
from pathlib import Path

from chaos.schedule import LINES
from penguin import ports, stack
from penguin.component import Component, answers
from penguin.layout import ROOT, SERVICES, read_json, write_private_json
from penguin.processes import program
from penguin.terminal import Failure

# Of Postgres' disk: for what every cluster has, with its log at the longest, and for each mail. Small, since filling it takes memory and time.
DISK_BYTES, DISK_BYTES_OF_MAIL = 400 << 20, 30 << 10
_CLONE_NEWNS = 0x00020000


class Places:
    """What the harness and the stack's keeper share, beside the stack's own folder."""

    def __init__(self, layout):
        self.folder = layout.folder / "chaos"
        self.lines = self.folder / "lines.json"
        self.line_control = self.folder / "line-control.json"
        self.sink_control = self.folder / "sink-control.json"
        self.record = self.folder / "record.jsonl"
        self.shim = self.folder / "clock.so"
        # What the harness wants of the ground, before it starts.
        self.wishes = self.folder / "wishes.json"
        self.disk = layout.postgres

    def clock(self, service):
        return self.folder / f"clock-{service}"

    def make(self, wishes):
        self.folder.mkdir(parents=True)
        write_private_json(self.wishes, wishes)
        write_private_json(self.line_control, {})
        write_private_json(self.sink_control, {})
        self.record.touch(mode=0o600)
        for service in SERVICES:
            step_clock(self.clock(service), 0)
        compiler = shutil.which("clang") or program("cc", "gcc")
        subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(self.shim), str(ROOT / "Tools/chaos/clock.c"), "-ldl"], check=True)


def step_clock(path, seconds):
    """Sets the step that the shim adds. In place: whoever runs has the file mapped."""
    with open(path, "r+b" if path.exists() else "wb") as file:
        file.write(struct.pack("<q", int(seconds * 1_000_000_000)))


def can_fill_disks():
    """A disk of Postgres' own is mounted where no other process sees it, which takes root."""
    return os.getuid() == 0


def plan(layout):
    """As the ordinary plan, with what makes faults possible; called in the keeper of the stack."""
    places = Places(layout)
    if can_fill_disks():
        _small_disk(places.disk, DISK_BYTES + DISK_BYTES_OF_MAIL * read_json(places.wishes, {}).get("mails", 0))
    groups, facts = stack.plan(layout)
    extra = ports.extra(layout, ("sink",) + LINES)
    claimed = facts["ports"]
    targets = {}
    for line in LINES:
        target = line.partition(">")[2]
        targets[line] = (extra[line], claimed[target if target in claimed else f"{target}_internal"])
    write_private_json(places.lines, targets)
    for component in groups[0]:
        if component.name == "postgres":
            component.command += ["-c", "max_wal_size=192MB", "-c", "min_wal_size=64MB"]
    for component in groups[1]:
        component.environment.update(_environment(component.name, places, extra))
    groups[0] += [_relay(layout, places, extra), _sink(layout, places, extra["sink"])]
    return groups, {**facts, "sink": extra["sink"]}


def _environment(service, places, extra):
    """The service's own lines, and its clock."""
    values = {"LD_PRELOAD": str(places.shim), "PENGUIN_CLOCK_STEP": str(places.clock(service))}
    for line in LINES:
        caller, _, target = line.partition(">")
        if caller != service:
            continue
        if target in ("postgres", "redis"):
            values[f"{target.upper()}_PORT"] = str(extra[line])
        else:
            values[f"{target.upper()}_RPC_URL"] = f"http://127.0.0.1:{extra[line]}"
    return values


def _relay(layout, places, extra):
    command = [sys.executable, str(ROOT / "Tools/chaos/relay.py"), "--lines", str(places.lines), "--control", str(places.line_control)]
    probe = extra[LINES[-1]]
    return Component(
        "relay", command, layout.log("relay"), missing=lambda _: None if answers(probe) else f"nobody listens on port {probe}", stop_seconds=5)


def _sink(layout, places, port):
    wishes = read_json(places.wishes, {})
    command = [
        sys.executable, str(ROOT / "Tools/mailserver/recording.py"), "--port", str(port), "--record", str(places.record), "--control",
        str(places.sink_control), "--rate", str(wishes.get("rate", 0)), "--dot", "10",
    ]
    return Component(
        "sink", command, layout.log("sink"), missing=lambda _: None if answers(port) else f"nobody listens on port {port}", stop_seconds=5)


def _small_disk(folder, size):
    """A file system of its own for Postgres, in a mount namespace of the keeper and its children: it ends with them, whatever happens."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) != 0:
        raise Failure(f"A mount namespace cannot be made: {os.strerror(ctypes.get_errno())}")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    account = pwd.getpwnam("postgres")
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700,uid={account.pw_uid},gid={account.pw_gid}", "tmpfs", str(folder)], check=True)


class Disk:
    """Postgres' disk, filled to the last byte and freed again; reached through the keeper's view of the file system."""

    def __init__(self, keeper, places):
        self._folder = Path(f"/proc/{keeper}/root") / places.disk.relative_to("/")
        self._filler = self._folder / "filler"

    def fill(self):
        """Takes what is free; called again and again, since Postgres frees something by and by."""
        status = os.statvfs(self._folder)
        free = status.f_bavail * status.f_frsize
        if free == 0:
            return
        with open(self._filler, "ab") as file:
            try:
                os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, free)
            except OSError:
                # Somebody took some of it meanwhile.
                pass

    def free(self):
        self._filler.unlink(missing_ok=True)
