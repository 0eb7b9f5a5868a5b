"""The faults of a run as a function of its seed: the same seed gives the same faults at the same counts of mails."""

import random
from dataclasses import dataclass, field

SERVICES = ("auth", "billing", "campaigns", "delivery", "audit")
# Who asks whom while mail is sent, and everybody's database and streams: Auth's and Audit's peers are asked by nobody then.
LINES = tuple(f"{service}>{target}" for service in SERVICES for target in ("postgres", "redis")) + (
    "campaigns>billing", "campaigns>delivery", "delivery>billing", "delivery>campaigns")
# Forwards and back, within and beyond the minute for which a token is good.
CLOCKS = tuple((service, step) for service in SERVICES for step in (90, -90, 40, -40))


@dataclass(frozen=True)
class Fault:
    """One fault: what it is, at which count of mails it comes, and how long or for how many mails it lasts."""

    number: int
    at: int
    kind: str
    # What distinguishes it from others of its kind.
    detail: dict = field(default_factory=dict)
    seconds: float = 0.0

    def __str__(self):
        words = " ".join(f"{value:+d} s" if name == "step" else str(value) for name, value in self.detail.items() if name != "mails")
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        counted = f" for {self.detail['mails']} mails" if "mails" in self.detail else ""
        return f"{self.kind} {words}".strip() + counted + lasting


def _smtp(*faults):
    return lambda cycles, chance: {"fault": cycles.next(faults)}


def _smtp_mails(least, most, *faults):
    return lambda cycles, chance: {"fault": cycles.next(faults), "mails": chance.randint(least, most)}


# Kind → what it is done to, and for how many seconds at least and at most; no seconds: at one moment, or for so many mails.
KINDS = {
    "kill": (lambda cycles, chance: {"service": cycles.next(SERVICES)}, None),
    "redis-flush": (lambda cycles, chance: {}, None),
    "redis-stop": (lambda cycles, chance: {}, (1.0, 4.0)),
    "postgres-restart": (lambda cycles, chance: {}, None),
    "cut": (lambda cycles, chance: {"line": cycles.next(LINES), "how": chance.choice(("reset", "stall"))}, (1.0, 5.0)),
    "disk-full": (lambda cycles, chance: {}, (1.5, 4.0)),
    "clock": (lambda cycles, chance: dict(zip(("service", "step"), cycles.next(CLOCKS))), (2.0, 6.0)),
    "smtp-hang": (_smtp("hang-greeting", "hang-command", "hang-kept", "hang-lost"), (2.0, 5.0)),
    "smtp-drop": (_smtp_mails(2, 12, "drop-kept", "drop-lost"), None),
    "smtp-later": (_smtp_mails(10, 60, "later-recipient", "later-dot"), None),
    # Few: a mailbox of many refusals pauses itself, as it should.
    "smtp-refuse": (_smtp_mails(2, 6, "refuse-recipient", "refuse-dot"), None),
    "smtp-tarpit": (_smtp("tarpit"), (2.0, 6.0)),
}


class _Cycles:
    """Each choice of a set once, in an order by chance, before one comes again."""

    def __init__(self, chance):
        self._chance = chance
        self._left = {}

    def next(self, choices):
        left = self._left.get(choices)
        if not left:
            left = self._left[choices] = self._chance.sample(choices, len(choices))
        return left.pop()


def schedule(seed, mails, count, kinds=tuple(KINDS)):
    """`count` faults among `mails`, between the first twentieth and the last tenth."""
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise ValueError(f"There is no fault {', '.join(unknown)}; there is {', '.join(KINDS)}.")
    chance = random.Random(seed)
    cycles = _Cycles(chance)
    first, last = mails * 0.05, mails * 0.9
    gap = (last - first) / count
    # A kind that was named twice comes twice as often.
    kinds = tuple(kinds)
    faults = []
    for number in range(count):
        kind = cycles.next(kinds)
        details, seconds = KINDS[kind]
        at = round(first + gap * (number + chance.random() * 0.8))
        faults.append(Fault(number + 1, at, kind, details(cycles, chance), round(chance.uniform(*seconds), 1) if seconds else 0.0))
    return faults
