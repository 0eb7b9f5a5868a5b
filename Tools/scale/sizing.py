"""What an installation needs: figures that were measured, and what follows from them. Prints the tables of docs/scale.md, which a test compares.

    python3 Tools/scale/sizing.py
"""

from dataclasses import dataclass

# Bytes on disk, indexes included: Tools/scale/measure.py around two runs of ./penguin demo with 9,000 leads of five fields each (2026-11-28,
# PostgreSQL 15). The mean of both: the second used room again that the first had left.
LEAD = 1_110 + 224
ENROLMENT = 1_000
# A row of the ledger, and what Campaigns keeps of the same mail.
MAIL_KEPT = 909 + 542
# Its job, kept for DELIVERY_RETENTION_COMPLETED_DAYS.
MAIL_JOB = 564
JOB_DAYS = 30
# Three readers remember each event for two weeks; of the mails of one commit one event tells.
MAIL_EVENTS = 3 * 115
EVENT_DAYS = 14
# An entry of the trail with its details and two targets.
ENTRY = 1_244 + 1_504 + 2 * 297
# Written to the write-ahead log for one mail, from the import of its lead to its outcome (the second run, VACUUM included).
MAIL_WAL = 18_300
# Of the same runs: events of Delivery in Redis, as they were written to its log (one of 1,106 bytes told of 3.6 mails).
MAIL_EVENT = 355

# Seconds of a core for one mail: docs/benchmarks.md, at 2,200 mails/s Delivery 0.75 of a core, Postgres 0.65, the others 0.35 together.
MAIL_CPU = {"Delivery": 0.75 / 2_200, "Postgres": 0.65 / 2_200, "the others": 0.35 / 2_200}
# Campaigns' decision and hand-over: 3,542 enrolments/s on both cores of the machine, Postgres included; counted as both, so it is a bound.
DECISION_CPU = 2 / 3_542
# Others: leads/s of an import, entries/s of the trail, requests/s with a session, each on both cores.
IMPORT_CPU = 2 / (1_000_000 / 38.0)
ENTRY_CPU = 2 / 1_987
REQUEST_CPU = 2 / 2_382

# Mail goes out in these hours; the busiest of them has twice the mean.
HOURS, DAYS, PEAK = 8, 22, 2
# How much of a core is meant to be used.
USE = 0.5
# Steps that one lead is written to on average.
STEPS = 3


@dataclass(frozen=True)
class Size:
    """An installation: mails a month, companies, leads; entries of the trail and requests follow from people at work."""

    mails: int
    tenants: int
    leads: int
    entries_a_tenant: int = 2_000
    people_a_tenant: int = 5

    @property
    def mails_a_second(self):
        return PEAK * self.mails / (DAYS * HOURS * 3_600)

    @property
    def requests_a_second(self):
        """Half of the people are at work at once, and each page asks for something every ten seconds."""
        return self.tenants * self.people_a_tenant * 0.5 / 10

    @property
    def cores(self):
        """Of the busiest hour, by who needs them, with room."""
        mails, imported = self.mails_a_second, self.mails / STEPS / (DAYS * HOURS * 3_600)
        entries = PEAK * self.tenants * self.entries_a_tenant / (DAYS * HOURS * 3_600)
        return {
            "mail": mails * sum(MAIL_CPU.values()) / USE, "decisions": mails * DECISION_CPU / USE, "imports": imported * IMPORT_CPU / USE,
            "trail": entries * ENTRY_CPU / USE, "requests": self.requests_a_second * REQUEST_CPU / USE,
        }

    @property
    def fixed_bytes(self):
        """What is there however long it has run."""
        jobs = self.mails * JOB_DAYS / 30 * MAIL_JOB
        events = self.mails * EVENT_DAYS / 30 * MAIL_EVENTS
        return self.leads * LEAD + jobs + events

    @property
    def monthly_bytes(self):
        """What comes every month and stays: ledger, enrolments, trail."""
        return self.mails * MAIL_KEPT + self.mails / STEPS * ENROLMENT + self.tenants * self.entries_a_tenant * ENTRY

    @property
    def wal_bytes_a_second(self):
        return self.mails_a_second * MAIL_WAL

    @property
    def redis_bytes(self):
        """What gathers in the busiest hour while one reader reads nothing."""
        return self.mails_a_second * 3_600 * MAIL_EVENT


SIZES = (
    Size(mails=100_000, tenants=10, leads=100_000), Size(mails=1_000_000, tenants=100, leads=1_000_000),
    Size(mails=10_000_000, tenants=1_000, leads=10_000_000), Size(mails=100_000_000, tenants=10_000, leads=100_000_000),
)


# Replicas and connections for background work of each service in deploy/kubernetes.
EXAMPLE = {"auth": (2, 8), "billing": (2, 8), "campaigns": (2, 8), "delivery": (3, 16), "audit": (2, 8)}


def connections(replicas=None, api=8):
    """Of Postgres at most: the two pools of each replica, its relay or the wait for it, and its migration at the start."""
    return sum(count * (api + worker + 2) for count, worker in (replicas or EXAMPLE).values())


def tables():
    """Both tables of the page, in Markdown."""
    head = ("mails a month", "companies", "leads", "mails/s, busiest hour", "requests/s", "cores, all services and Postgres", "of these for mail and decisions")
    lines = [_row(head), _row(["---"] * len(head))]
    for size in SIZES:
        cores = size.cores
        figures = (size.mails_a_second, size.requests_a_second, sum(cores.values()), cores["mail"] + cores["decisions"])
        lines.append(_row([f"{number:,}" for number in (size.mails, size.tenants, size.leads)] + [_few(figure) for figure in figures]))
    head = ("mails a month", "Postgres at once", "more a month", "after a year", "write-ahead log, busiest hour", "Redis, an hour without a reader")
    lines += ["", _row(head), _row(["---"] * len(head))]
    for size in SIZES:
        sizes = (size.fixed_bytes, size.monthly_bytes, size.fixed_bytes + 12 * size.monthly_bytes)
        lines.append(_row([f"{size.mails:,}", *(_bytes(each) for each in sizes), f"{_bytes(size.wal_bytes_a_second)}/s", _bytes(size.redis_bytes)]))
    return "\n".join(lines)


def _row(cells):
    return f"| {' | '.join(cells)} |"


def _few(number):
    """Two digits that count: more would be more than is known."""
    if number >= 10:
        return f"{float(f'{number:.2g}'):,.0f}"
    return f"{float(f'{number:.2g}'):g}"


def _bytes(number):
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if number >= size:
            return f"{_few(number / size)} {unit}"
    return f"{_few(number / 1_000)} kB"


if __name__ == "__main__":
    print(tables())
