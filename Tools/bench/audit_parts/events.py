"""Audited events in the form in which they travel, put into a service's Redis stream as its relay does."""

import json
import random
import socket
import time
import uuid

from bench.audit_parts.companies import identifier
from bench.audit_parts.entries import ACTIONS, ACTORS, TARGETS
from penguin.terminal import Failure

STREAM = "events:campaigns"
# Commands on their way at once.
PIPELINE = 1_000
# Events of one millisecond.
AT_ONCE = 50


def events(count, first, companies, seed):
    """`count` events of so many companies from the number `first` on, as many of each as Zipf says; the same for the same `seed`."""
    chance = random.Random(seed)
    drawn = chance.choices(range(companies), [1 / (1 + number) for number in range(companies)], k=count)
    start = int(time.time() * 1_000) - count // AT_ONCE - 1
    for number, company in enumerate(drawn):
        yield event(first + company, start + number // AT_ONCE, number, chance)


def event(company, milliseconds, number, chance):
    """An identifier, a type and a body; the identifier's time is the event's."""
    action = chance.choice(ACTIONS)
    kind = action.partition(".")[0]
    actor, target = chance.randrange(ACTORS), chance.randrange(TARGETS)
    made = str(uuid.UUID(int=milliseconds << 80 | 7 << 76 | (number & 0xFFF) << 64 | 2 << 62 | chance.getrandbits(62)))
    name = f"campaigns.{kind}.changed"
    header = {
        "id": made, "type": name, "version": 1, "tenant": identifier(company), "workspace": str(uuid.UUID(int=company << 8 | target % 3)),
        "actor": {"kind": "user", "id": str(uuid.UUID(int=company << 32 | actor)), "name": f"Ada Example {actor}"},
        "occurred_at": instant(milliseconds),
        "audit": {
            "action": action, "outcome": "success", "targets": [{"type": kind, "id": str(uuid.UUID(int=target)), "name": f"Something {target}"}],
            "address": f"203.0.113.{target % 250}", "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "request": uuid.UUID(int=chance.getrandbits(128)).hex,
            "changes": [{"path": "name", "before": f"Draft {target}", "after": f"Final {target}"}],
            "metadata": {"origin": "console", "batch": f"b{number // 500}"}}}
    return made, name, json.dumps({"data": {}, "header": header}, separators=(",", ":"), sort_keys=True)


def instant(milliseconds):
    seconds, rest = divmod(milliseconds, 1_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:03d}Z"


def command(*words):
    """A command as Redis reads it."""
    return b"".join([b"*%d\r\n" % len(words)] + [b"$%d\r\n%s\r\n" % (len(word), word) for word in (text.encode() for text in words)])


def publish(port, made):
    """Puts the events into the stream, in their order."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line, line.makefile("rb") as replies:
        waiting = [command("XADD", STREAM, "*", "id", identifier, "type", kind, "body", body) for identifier, kind, body in made]
        for start in range(0, len(waiting), PIPELINE):
            part = waiting[start:start + PIPELINE]
            line.sendall(b"".join(part))
            for _ in part:
                head = replies.readline()
                if not head.startswith(b"$"):
                    raise Failure(f"Redis did not take an event: {head.decode(errors='replace').strip()}")
                replies.read(int(head[1:]) + 2)
