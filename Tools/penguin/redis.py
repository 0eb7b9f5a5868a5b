"""A private Redis that keeps what it holds over a restart and never evicts."""

import socket

from penguin.component import Component
from penguin.processes import program


def component(layout, port):
    command = [
        program("redis-server", "redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(layout.redis),
        "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction", "--daemonize", "no",
    ]
    return Component("redis", command, layout.log("redis"), missing=lambda self: _missing(port, self.pid), start_seconds=60)


def _missing(port, pid):
    try:
        answering = server_pid(port)
    except (OSError, ValueError) as error:
        return str(error)
    return None if answering == pid else f"another Redis answers on port {port}"


def server_pid(port):
    """The process that really answers on `port`: a Redis of somebody else may have taken it before ours."""
    # LOADING is an error reply, in which no pid is found.
    for line in command(port, "INFO", "server").splitlines():
        if line.startswith("process_id:"):
            return int(line.partition(":")[2])
    raise ValueError("Redis is loading its data")


def command(port, *words):
    """One command and its reply as text: enough for what the tools ask."""
    with socket.create_connection(("127.0.0.1", port), timeout=3) as line:
        request = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words)
        line.sendall(request)
        with line.makefile("rb") as reply:
            head = reply.readline().decode().rstrip()
            if head.startswith("$"):
                return reply.read(int(head[1:])).decode()
            if head.startswith("-"):
                raise ValueError(f"Redis: {head[1:]}")
            return head[1:]
