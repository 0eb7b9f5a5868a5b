"""How private servers for tests begin and end: the parts that all of them share."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from penguin.ports import pick  # noqa: E402
from penguin.processes import end_with  # noqa: E402


def begin(names):
    """Makes this process one that ends at SIGTERM; gives a free port for each name."""
    # Tests start us from threads that block signals, and children inherit that.
    signal.pthread_sigmask(signal.SIG_SETMASK, [signal.SIGTERM])
    ports = {}
    for name in names:
        ports[name] = pick(ports.values())
    return ports


def start(command, log):
    """A server that ends with this process, whatever ends it."""
    parent = os.getpid()
    with open(log, "wb") as output:
        return subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            preexec_fn=lambda: _ready(parent))


def serve(folder, ports, servers):
    """Tells the ports, whole or not at all, and ends the servers at SIGTERM."""
    (folder / "ports.new").write_text(json.dumps(ports))
    (folder / "ports.new").rename(folder / "ports")
    signal.sigwait([signal.SIGTERM])
    for server in servers:
        server.terminate()
    for server in servers:
        try:
            server.wait(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)


def _ready(parent):
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    end_with(parent)
