"""Loopback ports: picked once and kept, so that addresses stay the same from run to run."""

import random
import socket

from penguin.layout import SERVICES, read_json, write_private_json
from penguin.terminal import Failure, say

# Below the range from which the kernel takes ports for outgoing connections: those would take ours between two runs.
RANGE = range(20_000, 32_000)
# Of a service: its two listeners, those of the one that takes its place in a rolling restart, and where its peers find whichever it is.
SIDES = ("public", "internal", "public_next", "internal_next", "peers")
NAMES = ("gateway", "gateway_plain", "postgres", "redis", "mail", "dns") + tuple(f"{service}_{side}" for service in SERVICES for side in SIDES)


def is_free(port):
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still closing counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    # DNS is asked there by datagrams too.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def claim(layout):
    """A free port for each name: the kept one, or a new one where another process took it meanwhile."""
    return _claim(layout, NAMES, {})


def extra(layout, names):
    """The same for more names than every stack has, once that has its own."""
    claimed = claim(layout)
    return _claim(layout, names, claimed)


def _claim(layout, names, others):
    kept = read_json(layout.ports, {})
    ports = dict(others)
    for name in names:
        port = kept.get(name)
        if port is None or port in ports.values() or not is_free(port):
            if port is not None:
                say(f"  Port {port} of {name} is taken by another process; a new one is used.")
            port = pick(set(ports.values()) | set(kept.values()))
        ports[name] = port
    if ports != kept:
        write_private_json(layout.ports, {**kept, **ports})
    return ports


def pick(taken=()):
    """A port that nobody has at this moment."""
    for port in random.sample(RANGE, len(RANGE)):
        if port not in taken and is_free(port):
            return port
    raise Failure("There is no free port on 127.0.0.1 between 20000 and 32000.")
