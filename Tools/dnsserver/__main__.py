"""Runs the development DNS server until SIGTERM or SIGINT.

Started by path (`python3 Tools/dnsserver --help`), so that a test in any language needs to know one file only.
"""

import argparse
import asyncio
import signal
import socket
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dnsserver.answers import answer  # noqa: E402
from dnsserver.zone import Zone  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(prog="dnsserver", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on, UDP and TCP; 0 takes a free one")
    parser.add_argument("--print-port-file", type=Path, metavar="PATH", help="write the port there once the server listens")
    parser.add_argument("--zone", type=Path, required=True, help="JSON: names with their records; read again when it changes")
    return parser.parse_args()


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, zone):
        self._zone = zone

    def connection_made(self, transport):
        self._transport = transport

    def datagram_received(self, data, address):
        reply = answer(self._zone, data, over_tcp=False)
        if reply is not None:
            self._transport.sendto(reply, address)


async def converse(zone, reader, writer):
    """One connection, question after question; whoever is not answered waits as long as it likes."""
    try:
        while True:
            size = struct.unpack("!H", await reader.readexactly(2))[0]
            reply = answer(zone, await reader.readexactly(size), over_tcp=True)
            if reply is not None:
                writer.write(struct.pack("!H", len(reply)) + reply)
                await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def sockets(host, port):
    """One of each kind, on the same port."""
    for _ in range(50):
        stream = socket.create_server((host, port), backlog=128)
        datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            datagram.bind((host, stream.getsockname()[1]))
            return stream, datagram
        except OSError:
            stream.close()
            datagram.close()
            if port:
                raise
    raise OSError("no port is free for both UDP and TCP")


async def serve(options):
    zone = Zone(options.zone)
    stream, datagram = sockets(options.host, options.port)
    port = stream.getsockname()[1]
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(lambda reader, writer: converse(zone, reader, writer), sock=stream)
    datagram.setblocking(False)
    transport, _ = await loop.create_datagram_endpoint(lambda: Datagrams(zone), sock=datagram)
    if options.print_port_file:
        # Written beside and renamed: a reader sees the whole number or no file.
        partial = options.print_port_file.with_name(options.print_port_file.name + ".partial")
        partial.write_text(f"{port}\n")
        partial.rename(options.print_port_file)
    print(f"DNS server on {options.host}:{port}, zone in {options.zone}", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    server.close()
    transport.close()


if __name__ == "__main__":
    asyncio.run(serve(arguments()))
