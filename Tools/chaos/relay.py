"""Lines between services that can be cut: a relay on a port of its own for each, in front of what really answers.

Started by path with `--lines FILE`, a JSON object `{"delivery>postgres": [listen, target], …}`, and `--control FILE`, which says what is wrong with a
line: `{"delivery>postgres": "reset"}` breaks its connections and takes no new ones, `"stall"` lets no byte through and breaks nothing, as a network
does that swallows packets; a line that is not named is whole.
"""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mailserver.control import Control  # noqa: E402

# Beyond this the writer waits for the slower side.
MOST_WAITING = 1 << 20


class Side(asyncio.Protocol):
    """One end of a connection; what comes in goes out at the other end."""

    def __init__(self, line, is_near=False):
        self.line = line
        self._is_near = is_near
        self.transport = None
        self.other = None
        self._early = []
        self._is_full = False

    def connection_made(self, transport):
        self.transport = transport
        transport.set_write_buffer_limits(MOST_WAITING)
        self.line.opened(self)
        if self._is_near:
            self.line.lead(self)

    def data_received(self, data):
        if self.other and self.other.transport:
            self.other.transport.write(data)
        else:
            self._early.append(data)

    def join(self, other):
        self.other = other
        for data in self._early:
            other.transport.write(data)
        self._early = []

    def eof_received(self):
        if self.other and self.other.transport and self.other.transport.can_write_eof():
            self.other.transport.write_eof()
            return True
        return False

    def pause_writing(self):
        if self.other:
            self.other.is_full(True)

    def resume_writing(self):
        if self.other:
            self.other.is_full(False)

    def is_full(self, is_full):
        self._is_full = is_full
        self.flow()

    def flow(self):
        """Reads only while the line is whole and the other end takes what is read."""
        if self.transport and not self.transport.is_closing():
            if self.line.is_stalled or self._is_full:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    def connection_lost(self, error):
        self.line.closed(self)
        if self.other and self.other.transport:
            self.other.transport.abort() if error else self.other.transport.close()


class RelayLine:
    """One line with all of its connections."""

    def __init__(self, target):
        self._target = target
        self._sides = set()
        self._leading = set()
        self._whole = asyncio.Event()
        self._whole.set()
        self._is_reset = False
        self.is_stalled = False

    def opened(self, side):
        self._sides.add(side)
        if self._is_reset:
            side.transport.abort()

    def closed(self, side):
        self._sides.discard(side)

    def set(self, fault):
        self._is_reset, self.is_stalled = fault == "reset", fault == "stall"
        if self._is_reset:
            for side in list(self._sides):
                side.transport.abort()
        for side in list(self._sides):
            side.flow()
        if self.is_stalled:
            self._whole.clear()
        else:
            self._whole.set()

    def accept(self):
        return Side(self, is_near=True)

    def lead(self, near):
        """To whom it wants."""
        task = asyncio.get_running_loop().create_task(self._connect(near))
        # The loop alone would let it be collected.
        self._leading.add(task)
        task.add_done_callback(self._leading.discard)

    async def _connect(self, near):
        await self._whole.wait()
        if self._is_reset:
            return near.transport.abort()
        far = Side(self)
        try:
            await asyncio.get_running_loop().create_connection(lambda: far, "127.0.0.1", self._target)
        except OSError:
            return near.transport.abort()
        if near.transport.is_closing():
            return far.transport.abort()
        far.join(near)
        near.join(far)


async def serve(options):
    loop = asyncio.get_running_loop()
    lines = {}
    for name, (listen, target) in json.loads(options.lines.read_text()).items():
        lines[name] = RelayLine(target)
        await loop.create_server(lines[name].accept, "127.0.0.1", listen, backlog=512)

    def change(value):
        for name, line in lines.items():
            line.set(value.get(name))

    control = Control(options.control, change)
    control.look()
    print(f"relay of {len(lines)} lines", flush=True)
    watching = asyncio.create_task(control.watch())
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    watching.cancel()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="relay", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=Path, required=True)
    parser.add_argument("--control", type=Path, required=True)
    asyncio.run(serve(parser.parse_args()))
