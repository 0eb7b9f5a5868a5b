"""A mail server that writes down each mail's Message-ID before it answers, and that fails in the ways in which mail servers do.

Started by path (`python3 Tools/mailserver/recording.py --help`). Speaks plain SMTP with PIPELINING and asks nobody who he is: for this machine only.

The record is a file of JSON lines: `id` (Message-ID without brackets), `to`, and `fate`:

    taken        kept, and 250 said
    silent       kept, and the line dropped or hung before the reply
    lost         not kept, and the line dropped or hung before the reply
    refused      5xx said
    later        4xx said

The control file says what is wrong: `{"number": 3, "fault": "drop-kept", "mails": 20}`. A new number is a new fault; without one all is well.

    hang-greeting, hang-command     nothing is said, until the fault ends; then the line breaks
    hang-kept, hang-lost            the same after the final dot
    drop-kept, drop-lost            the line breaks after the final dot, for so many mails
    later-recipient, later-dot      4xx, for so many mails
    refuse-recipient, refuse-dot    5xx, for so many mails
    tarpit                          every reply takes its time, until the fault ends
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mailserver.control import Control  # noqa: E402

TARPIT_SECONDS = 0.4
LARGEST_LINE = 1 << 20
REPLIES = {
    "later-recipient": (450, "4.2.0 the mailbox is busy"), "later-dot": (451, "4.3.0 try again later"),
    "refuse-recipient": (550, "5.1.1 no such mailbox"), "refuse-dot": (554, "5.6.0 this mail is not taken"),
}


class Record:
    """The lines of the record, each written whole before the reply that it is about."""

    def __init__(self, path: Path):
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, identifier, recipient, fate):
        line = json.dumps({"id": identifier, "to": recipient, "fate": fate, "at": round(time.time(), 3)})
        os.write(self._file, line.encode() + b"\n")


class Pace:
    """So many mails a second at most, over all lines."""

    def __init__(self, rate):
        self._gap = 1 / rate if rate else 0
        self._next = 0.0

    async def turn(self):
        if not self._gap:
            return
        now = time.monotonic()
        self._next = max(now, self._next) + self._gap
        await asyncio.sleep(self._next - self._gap - now)


class Server:
    """What all lines share: the record, the pace, the fault of the moment."""

    def __init__(self, record, rate, dot_milliseconds):
        self.record = record
        self.pace = Pace(rate)
        self.dot_seconds = dot_milliseconds / 1000
        self._number = None
        self._fault = None
        self._left = 0
        self._hung = set()

    def change(self, value):
        if value.get("number") == self._number and value.get("fault") == self._fault:
            return
        self._number, self._fault, self._left = value.get("number"), value.get("fault"), value.get("mails", 0)
        for line in self._hung:
            line.set()
        self._hung.clear()

    def suffers(self, *faults):
        """The fault of the moment, if it is one of these that lasts."""
        return self._fault if self._fault in faults else None

    def takes(self, *faults):
        """The same for a fault of so many mails, of which this is one."""
        if self._fault not in faults or self._left <= 0:
            return None
        self._left -= 1
        return self._fault

    async def hang(self):
        """Until the fault ends."""
        over = asyncio.Event()
        self._hung.add(over)
        await over.wait()


class Broken(Exception):
    """The line is to be dropped without a word."""


class Line:
    """One connection."""

    def __init__(self, server, reader, writer):
        self._server = server
        self._reader = reader
        self._writer = writer
        self._recipient = ""

    async def serve(self):
        try:
            await self._talk()
        except (Broken, OSError, asyncio.IncompleteReadError, ValueError):
            self._writer.transport.abort()
        finally:
            self._writer.close()

    async def _talk(self):
        if self._server.suffers("hang-greeting"):
            await self._server.hang()
            raise Broken
        await self._say("220 sink")
        while line := await self._reader.readline():
            word = line[:4].upper()
            if self._server.suffers("hang-command"):
                await self._server.hang()
                raise Broken
            if word == b"DATA":
                if not self._recipient:
                    await self._say("503 5.5.1 no recipient")
                    continue
                await self._say("354 go on")
                await self._take(await self._content())
                self._recipient = ""
            elif word == b"QUIT":
                await self._say("221 bye")
                return
            else:
                await self._command(word, line)

    async def _command(self, word, line):
        if word == b"EHLO":
            return await self._say("250-sink\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES")
        if word == b"MAIL":
            self._recipient = ""
            await self._server.pace.turn()
        if word == b"RCPT":
            recipient = line.decode("utf-8", "replace").partition("<")[2].partition(">")[0]
            fault = self._server.takes("later-recipient", "refuse-recipient")
            if fault:
                self._server.record.write(None, recipient, "later" if fault.startswith("later") else "refused")
                return await self._say("{} {}".format(*REPLIES[fault]))
            self._recipient = recipient
        await self._say("250 fine")

    async def _content(self):
        """The Message-ID."""
        identifier, is_header = None, True
        while (line := await self._reader.readline()) != b".\r\n":
            if not line:
                raise Broken
            if line == b"\r\n":
                is_header = False
            if is_header and identifier is None and line[:11].lower() == b"message-id:":
                identifier = line[11:].decode("utf-8", "replace").strip().strip("<>")
        return identifier

    async def _take(self, identifier):
        server, write = self._server, self._server.record.write
        if fault := server.suffers("hang-kept", "hang-lost"):
            write(identifier, self._recipient, "silent" if fault == "hang-kept" else "lost")
            await server.hang()
            raise Broken
        if fault := server.takes("drop-kept", "drop-lost"):
            write(identifier, self._recipient, "silent" if fault == "drop-kept" else "lost")
            raise Broken
        if fault := server.takes("later-dot", "refuse-dot"):
            write(identifier, self._recipient, "later" if fault == "later-dot" else "refused")
            return await self._say("{} {}".format(*REPLIES[fault]))
        if server.dot_seconds:
            await asyncio.sleep(random.random() * server.dot_seconds)
        write(identifier, self._recipient, "taken")
        await self._say("250 2.0.0 taken")

    async def _say(self, words):
        if self._server.suffers("tarpit"):
            await asyncio.sleep(TARPIT_SECONDS)
        self._writer.write(words.encode() + b"\r\n")
        await self._writer.drain()


async def serve(options):
    server = Server(Record(options.record), options.rate, options.dot)
    control = Control(options.control, server.change)
    control.look()
    listener = await asyncio.start_server(
        lambda reader, writer: Line(server, reader, writer).serve(), "127.0.0.1", options.port, limit=LARGEST_LINE, backlog=512)
    print(f"recording mail server on 127.0.0.1:{options.port}", flush=True)
    watching = asyncio.create_task(control.watch())
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    watching.cancel()
    listener.close()


def arguments():
    parser = argparse.ArgumentParser(prog="recording", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--record", type=Path, required=True, help="where the lines are written")
    parser.add_argument("--control", type=Path, required=True, help="the file that says what is wrong")
    parser.add_argument("--rate", type=float, default=0, help="mails a second at most; 0: as many as come")
    parser.add_argument("--dot", type=float, default=0, metavar="MS", help="at most so many milliseconds, by chance, before the reply to a mail")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(serve(arguments()))
