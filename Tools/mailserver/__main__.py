"""Runs the development mail server until SIGTERM or SIGINT.

Started by path (`python3 Tools/mailserver --help`), so that a test in any language needs to know one file only.
"""

import argparse
import asyncio
import logging
import signal
import ssl
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mailserver.catcher import Catcher  # noqa: E402
from mailserver.maildir import Maildir  # noqa: E402
from mailserver.protocol import Protocol  # noqa: E402
from mailserver.users import Users  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(prog="mailserver", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--print-port-file", type=Path, metavar="PATH", help="write the port there once the server listens")
    parser.add_argument("--maildir", type=Path, required=True, help="where accepted mail is kept")
    parser.add_argument("--users", type=Path, required=True, help='JSON object {"user": "password"}; read again when it changes')
    parser.add_argument("--certificate", type=Path, help="PEM chain for STARTTLS; without it the server speaks plain text")
    parser.add_argument("--key", type=Path, help="PEM key of the certificate")
    return parser.parse_args()


async def serve(options):
    tls = None
    if options.certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options.certificate, options.key)
    catcher = Catcher(Maildir(options.maildir))
    users = Users(options.users)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Protocol(catcher, users, tls, loop), options.host, options.port, backlog=512)
    port = server.sockets[0].getsockname()[1]
    if options.print_port_file:
        # Written beside and renamed: a reader sees the whole number or no file.
        partial = options.print_port_file.with_name(options.print_port_file.name + ".partial")
        partial.write_text(f"{port}\n")
        partial.rename(options.print_port_file)
    print(f"mail server on {options.host}:{port}, mail in {options.maildir}", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    # Clients that leave in the middle are daily business here, not news.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    asyncio.run(serve(arguments()))
