"""Child processes that never outlive us, and a way to name a process that cannot be confused with a later one of the same id."""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

from penguin.terminal import Failure

PR_SET_PDEATHSIG = 1
LARGEST_LOG = 20 * 1024 * 1024
# Debian keeps servers where only root's PATH looks.
SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"

_libc = ctypes.CDLL(None, use_errno=True)


def program(name, package):
    """The path of an installed program."""
    path = shutil.which(name) or shutil.which(name, path=SYSTEM_FOLDERS)
    if path is None:
        raise Failure(f"The program {name} is missing. Install the package {package} (./penguin up does so where apt-get may).")
    return path


def spawn(command, *, log, environment=None, user=None, folder=None, death_signal=signal.SIGTERM):
    """Starts a process that the kernel ends with `death_signal` when we die, however we die.

    Must be called from the main thread, which lives as long as the process does: the kernel watches the thread that forked.
    The child gets a session of its own, so that a Ctrl-C in the terminal reaches us only and we stop things in order.
    """
    parent = os.getpid()

    identity = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
    with open_log(log) as output:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=folder or "/",
            start_new_session=True,
            # Runs after the change of user, which would clear the setting.
            preexec_fn=lambda: end_with(parent, death_signal), **identity)


def end_with(parent, death_signal=signal.SIGTERM):
    """Asks the kernel to signal this process when its parent dies."""
    _libc.prctl(PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:
        # It died before the kernel knew.
        os._exit(1)


def open_log(path):
    """The log, to append to; a large one is set aside first."""
    if path.exists() and path.stat().st_size > LARGEST_LOG:
        path.rename(path.with_suffix(".log.1"))
    return open(path, "ab")


def last_lines(path, count=15):
    try:
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - 16_384))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-count:])
    except FileNotFoundError:
        return ""


def fingerprint(pid):
    """The process with its start time, which tells it from a later process of the same id; None when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else {"pid": pid, "started": int(fields[19])}


def is_alive(process):
    return bool(process) and fingerprint(process["pid"]) == process


def send(process, number):
    """Signals the process if it is still the one that was meant."""
    if not is_alive(process):
        return False
    try:
        os.kill(process["pid"], number)
    except ProcessLookupError:
        return False
    return True


def end(processes, seconds):
    """Waits for processes that have been told to end, then ends the rest the hard way."""
    deadline = time.monotonic() + seconds
    while any(is_alive(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in processes:
        send(process, signal.SIGKILL)
    while any(is_alive(process) for process in processes):
        time.sleep(0.05)
