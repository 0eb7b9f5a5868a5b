"""./penguin chaos: the stack, the campaigns, the faults, the verdict."""

import json
import os
import random
import tempfile
import time
from pathlib import Path

from chaos import companies as make_companies
from chaos import ground, report
from chaos.acts import Acts
from chaos.database import LEFT, WATCH, Database
from chaos.facts import gather, read_record
from chaos.herd import Herd
from chaos.injector import Injector
from chaos.schedule import KINDS, schedule
from chaos.verdict import verdict
from penguin import build
from penguin.layout import Layout, read_json
from penguin.stack import RunningStack
from penguin.terminal import Failure, bar, duration, interject, live_line, say, step

MAILS, FAULTS, COMPANIES, MINUTES = 20_000, 60, 8, 8
# A run for continuous integration: each kind of fault once, the commonest more often. Its seed is one that kills who sends and who plans, lets a
# mail server hang after the final dot, and cuts Delivery off from its database; 534 and 1105 are others of that kind.
SHORT_KINDS = (*KINDS, "kill", "kill", "cut", "smtp-hang")
SHORT = {"mails": 1_000, "faults": len(SHORT_KINDS), "companies": 2, "minutes": 0.5}
SHORT_SEED = 788
# What has not moved for so long by itself waits for something that is hours away: a mail schedule, an owner.
STALL = 4
# How long the last mails, events and settlements may take after the last fault.
PATIENCE = 240


def options(parser):
    parser.add_argument("--seed", type=int, metavar="N", help="the same seed gives the same faults at the same counts of mails (default: by chance)")
    parser.add_argument("--mails", type=int, metavar="N", help=f"mails of all companies together (default: {MAILS})")
    parser.add_argument("--companies", type=int, metavar="N", help=f"companies (default: {COMPANIES})")
    parser.add_argument("--faults", type=int, metavar="N", help=f"faults (default: {FAULTS})")
    parser.add_argument("--minutes", type=float, metavar="N", help=f"how long the mails would take without faults (default: {MINUTES})")
    parser.add_argument("--only", metavar="KINDS", help=f"only these faults, with commas between: {', '.join(KINDS)}")
    parser.add_argument("--short", action="store_true", help="a thousand mails and each kind of fault, with a seed that is always the same")
    parser.add_argument("--keep", metavar="FOLDER", help="work in this folder, which must not exist, and leave logs and facts there")
    parser.add_argument("--no-build", action="store_true", help="use what was built last")
    parser.add_argument("--json", action="store_true", help="print the verdict as one JSON object")


def run(chosen):
    defaults = SHORT if chosen.short else {"mails": MAILS, "faults": FAULTS, "companies": COMPANIES, "minutes": MINUTES}
    wanted = {name: getattr(chosen, name) or value for name, value in defaults.items()}
    seed = chosen.seed if chosen.seed is not None else SHORT_SEED if chosen.short else random.randrange(1 << 32)
    kinds = tuple(chosen.only.split(",")) if chosen.only else SHORT_KINDS if chosen.short else tuple(KINDS)
    if not ground.can_fill_disks() and "disk-full" in kinds:
        say("  Without root Postgres gets no disk of its own: the fault disk-full is left out.")
        kinds = tuple(kind for kind in kinds if kind != "disk-full")
    try:
        faults = schedule(seed, wanted["mails"], wanted["faults"], kinds)
    except ValueError as error:
        raise Failure(str(error)) from None
    if not chosen.no_build:
        build.build()
    with _folder(chosen.keep) as folder:
        result = _Run(Path(folder), seed, wanted, faults).result()
    only = [] if kinds == tuple(KINDS) else [f"--only {','.join(kinds)}"]
    again = " ".join(["./penguin chaos", f"--seed {seed}", *[f"--{name} {value}" for name, value in wanted.items()], *only])
    print(json.dumps({**result, "again": again}) if chosen.json else report.text(result, again), flush=True)
    return 0 if result["ok"] else 1


class _Kept:
    def __init__(self, folder):
        self._folder = Path(folder).absolute()

    def __enter__(self):
        if self._folder.exists():
            raise Failure(f"{self._folder} is there already.")
        return str(self._folder)

    def __exit__(self, *_):
        say(f"  Logs and facts stay in {self._folder}.")


def _folder(keep):
    return _Kept(keep) if keep else tempfile.TemporaryDirectory(prefix="penguin-chaos-")


class _Run:
    """One run, from the start of the stack to its end."""

    def __init__(self, folder, seed, wanted, faults):
        os.environ["PENGUIN_LOCAL"] = str(folder)
        # Leases end soon enough to be seen.
        os.environ.setdefault("DELIVERY_LEASE_SECONDS", "8")
        self._layout = Layout()
        self._seed = seed
        self._wanted = wanted
        self._faults = faults
        self._places = ground.Places(self._layout)
        # People of whom the mail server's record speaks, and how much of it was read.
        self._known = set()
        self._read = 0
        self._late = 0
        self._hurried = 0
        self._resumed = 0

    def result(self):
        layout, wanted = self._layout, self._wanted
        layout.make()
        # The mail server is slow enough for the faults to come while mail is on its way.
        self._places.make({"mails": wanted["mails"], "rate": wanted["mails"] / (wanted["minutes"] * 60)})
        say(f"  Seed {self._seed}: {len(self._faults)} faults among {wanted['mails']} mails of {wanted['companies']} companies.")
        running = RunningStack.start(layout, False, "--faults")
        try:
            return self._under_faults(running)
        finally:
            running.stop()

    def _under_faults(self, running):
        layout, wanted = self._layout, self._wanted
        passwords, port = read_json(layout.secrets), running.facts["ports"]["postgres"]
        database = Database(port, passwords["postgres"])
        companies = make_companies.make(running, layout, wanted["mails"], wanted["companies"])
        database.run(WATCH)
        started = time.monotonic()
        for company in companies:
            company.launch()
        acts = Acts(companies)
        acts.start()
        injector = Injector(running, self._places, self._faults, interject)
        try:
            self._watch(companies, database, injector)
        finally:
            injector.end()
            acts.stop()
        settled = self._settle(companies, database)
        seconds = time.monotonic() - started
        with step("Reading the ledger, the counters, the trail and the mail server's record"):
            facts = gather(database, companies, layout, port, passwords, read_record(self._places.record), acts.answered)
        (self._places.folder / "facts.json").write_text(json.dumps(facts))
        missed = [str(fault) for fault in injector.missed]
        lines = verdict(facts)
        return {
            "ok": not missed and all(line.is_kept for line in lines), "seed": self._seed, "seconds": round(seconds, 1),
            "faults": [{"fault": str(fault), "at": fault.at, "applied_at": count} for fault, count in injector.applied],
            "missed": missed, "late": self._late,
            "lines": [{"promise": line.promise, "figures": line.figures, "problems": list(line.problems)} for line in lines],
            "settled": settled, "hurried": self._hurried, "resumed": self._resumed,
            "acts": {"answered": sum(map(len, acts.answered.values())), "unanswered": acts.unanswered},
        }

    def _watch(self, companies, database, injector):
        """Until every mail has had a verdict and every fault its time."""
        total = sum(len(company.addresses) - len(company.suppressed) for company in companies)
        count, started = 0, time.monotonic()
        moved = started
        with live_line() as line, Herd(companies, database) as herd:
            while not (injector.is_idle and count >= total):
                now = time.monotonic()
                found = self._count()
                if found > count:
                    count, moved = found, now
                herd.is_stalled = now - moved > STALL
                # What is left comes when the mails are through: a fault is never left out because they were quick.
                is_over = count >= total or herd.is_stalled and herd.is_through
                before = len(injector.applied)
                injector.step(count, is_over)
                self._late += len(injector.applied) - before if is_over else 0
                if injector.is_idle and (herd.is_through or now - moved > PATIENCE):
                    break
                line(f"  Sending {bar(count, total)} {count} of {total} ({duration(now - started)})")
                time.sleep(0.02)
            line(f"  Sending {bar(count, total)} {count} of {total} ({duration(time.monotonic() - started)})", final=True)
        self._hurried, self._resumed = herd.hurried, herd.resumed

    def _count(self):
        """How many people the mail server has answered about for good, or will never answer about."""
        with open(self._places.record, "rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                entry = json.loads(line)
                if entry["fate"] != "later":
                    self._known.add(entry["to"])
        return len(self._known)

    def _settle(self, companies, database):
        """Waits until nothing is on its way any more: mails, events, settlements; false when it does not come to that."""
        deadline, herd = time.monotonic() + PATIENCE, Herd(companies, database)
        with step("Waiting until every mail, event and settlement has arrived"):
            while time.monotonic() < deadline:
                if herd.look() and (database.attempt(LEFT) or "").strip() == "0":
                    return True
                herd.hurry()
                time.sleep(1)
        return False
