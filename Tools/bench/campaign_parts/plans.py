"""The plans of the statements that Campaigns really runs, out of Postgres' own log, and whether one of them reads a big table whole.

auto_explain writes a plan for each statement of the service's roles while it is switched on: no statement is copied here, so none can be another
than the service's.
"""

import json
import re
from dataclasses import dataclass

from penguin.terminal import Failure, wait_until

ROLES = ("campaigns_api", "campaigns_worker")
BIG = ("leads", "lead_workspaces", "enrolments", "enrolment_sends", "step_stats")
SETTINGS = {
    "session_preload_libraries": "auto_explain", "auto_explain.log_min_duration": "0", "auto_explain.log_format": "json",
    # What a function runs inside, as find_leads does.
    "auto_explain.log_nested_statements": "on",
}
# Rows that are read whole without harm.
FEW = 10_000
HEAD = re.compile(r"^\S+ \S+ \S+ \[\d+\] (\w+)@\w+ LOG:  duration: ([\d.]+) ms  plan:$")

# What must have been seen, by the role that runs it and words that no other statement of that role has.
STATEMENTS = {
    "claim of those in a thread": ("campaigns_worker", "from enrolments e", "e.mailbox_id is not null", "skip locked"),
    "claim of new ones": ("campaigns_worker", "from enrolments e", "e.mailbox_id is null", "skip locked"),
    "next due": ("campaigns_worker", "select least(", "order by due_at, id limit 1"),
    "mails of those in a thread": ("campaigns_worker", "opened_at is not null as is_opened"),
    "audience of those claimed": ("campaigns_worker", "from lead_workspaces w", "w.lead_id = any("),
    "mails of a day": ("campaigns_worker", "from campaign_counters k where", "from step_stats t"),
    "writing of a round": ("campaigns_worker", "insert into enrolment_sends"),
    "enroller's page of a workspace": ("campaigns_worker", "from lead_workspaces w where", "order by w.lead_id limit"),
    "enroller's page of a segment": ("campaigns_worker", "from lead_workspaces w join leads l", "order by w.lead_id limit"),
    "enroller's time zones": ("campaigns_worker", "select n.id, l.time_zone from unnest("),
    "enroller's insert": ("campaigns_worker", "insert into enrolments "),
    "hand-over's members": ("campaigns_worker", "from enrolment_sends s join enrolments e", "join leads l"),
    "hand-over's earlier mails": ("campaigns_worker", "from enrolment_sends where", "state in ('accepted', 'ambiguous')"),
    "hand-over's end": ("campaigns_worker", "update enrolments e set status =", "from mine m"),
    "listener's enrolments": ("campaigns_worker", "e.campaign_id from enrolments e where", "e.id = any(", "for no key update"),
    "listener's mails": ("campaigns_worker", "machine_opened_at, clicked_at, replied_at", "from enrolment_sends where"),
    "listener's mails, written": ("campaigns_worker", "update enrolment_sends s set state = n.state"),
    "listener's figures": ("campaigns_worker", "insert into step_stats as t"),
    "count of a segment": ("campaigns_api", "select count(*) as n from (select", "from lead_workspaces w join leads l", "as counted"),
    "page of a segment": ("campaigns_api", "from lead_workspaces w join leads l", "order by w.lead_id limit"),
    "list of leads": ("campaigns_api", "from lead_workspaces w join leads l", "order by w.lead_id desc limit"),
    "progress": ("campaigns_api", "from campaigns c join campaign_counters k", "from step_stats t"),
}


@dataclass(frozen=True)
class Plan:
    """A statement that ran: how long, and on which way."""

    role: str
    milliseconds: float
    # In one line.
    query: str
    root: dict

    @property
    def nodes(self):
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += node.get("Plans", [])

    def is_one(self, name):
        role, *words = STATEMENTS[name]
        return self.role == role and all(word in self.query for word in words)


@dataclass(frozen=True)
class Index:
    table: str
    # Over a few of the rows only, as those that must be withdrawn: it may be read from end to end.
    is_small: bool


def read(lines):
    """The plans in lines of Postgres' log: a head, and behind it lines that begin with a tab."""
    head, body = None, []
    for line in lines:
        if line.startswith("\t"):
            body.append(line[1:])
            continue
        if head:
            yield _plan(head, body)
        head, body = HEAD.match(line.rstrip("\n")), []
    if head:
        yield _plan(head, body)


def _plan(head, body):
    content = json.loads("".join(body))
    return Plan(head.group(1), float(head.group(2)), " ".join(content["Query Text"].split()), content["Plan"])


def whole_reads(plan, indexes):
    """Which big tables a plan reads whole, and how: row by row, or through an index that is asked for nothing."""
    found = []
    for node in plan.nodes:
        kind, index = node["Node Type"], indexes.get(node.get("Index Name"))
        if kind == "Seq Scan" and node["Relation Name"] in BIG:
            found.append(f"{kind} on {node['Relation Name']}")
        if index and index.table in BIG and not index.is_small and "Index Cond" not in node:
            found.append(f"{kind} of all of {node['Index Name']}")
    return found


def unseen(plans):
    """The statements that must have run and did not, or that the benchmark does not know again."""
    return [name for name in STATEMENTS if not any(plan.is_one(name) for plan in plans)]


def faults(plans, indexes):
    """Each statement that reads a big table whole, once, in words."""
    found = {(fault, plan.role, plan.query): None for plan in plans for fault in whole_reads(plan, indexes)}
    return [f"{fault}, as {role}: {query[:600]}" for fault, role, query in found]


def named(plans, name):
    """Those of one statement, in the order in which they ran."""
    return [plan for plan in plans if plan.is_one(name)]


def batches(plans):
    """Milliseconds of each batch of the enroller: its page, and what follows until its insert."""
    pages = ("enroller's page of a workspace", "enroller's page of a segment")
    sums, running = [], None
    for plan in plans:
        if any(plan.is_one(page) for page in pages):
            running = plan.milliseconds
        elif running is not None and plan.is_one("enroller's time zones"):
            running += plan.milliseconds
        elif running is not None and plan.is_one("enroller's insert"):
            sums.append(running + plan.milliseconds)
            running = None
    return sums


class Explained:
    """While the block runs, each statement of Campaigns leaves its plan in the log; afterwards `plans` are those."""

    def __init__(self, ground):
        self._sql = ground.sql
        self._log = ground.layout.log("postgres")
        self.plans = []

    def __enter__(self):
        # Loaded first, so that the names of its settings are known.
        self._sql.run("load 'auto_explain'; " + "; ".join(
            f"alter role {role} set {name} = '{value}'" for role in ROLES for name, value in SETTINGS.items()))
        self._reconnect()
        self._start = self._log.stat().st_size
        return self

    def __exit__(self, *failure):
        self._sql.run("load 'auto_explain'; " + "; ".join(f"alter role {role} reset {name}" for role in ROLES for name in SETTINGS))
        self._reconnect()
        if not failure[0]:
            with open(self._log, encoding="utf-8", errors="replace") as log:
                log.seek(self._start)
                self.plans = list(read(log))

    def _reconnect(self):
        """Settings of a role are those of its next sessions: the services replace what is hung up on while it is idle."""
        names = ", ".join(f"'{role}'" for role in ROLES)
        since = self._sql.value("select clock_timestamp()")
        old = f"from pg_stat_activity where usename in ({names}) and backend_start < '{since}'"

        def are_gone():
            self._sql.run(f"select pg_terminate_backend(pid) {old} and state = 'idle'")
            return self._sql.value(f"select count(*) {old}") == "0"

        wait_until("The end of the sessions of Campaigns", are_gone, 30)


def indexes(sql):
    """The indexes of the big tables, by name."""
    names = ", ".join(f"'campaigns.{name}'::regclass" for name in BIG)
    lines = sql.run(
        f"""select i.indexrelid::regclass::text, i.indrelid::regclass::text, i.indpred is not null and c.reltuples < {FEW}
        from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid in ({names})""").splitlines()
    if not lines:
        raise Failure("The big tables have no index.")
    rows = [line.split("|") for line in lines]
    return {name.rpartition(".")[2]: Index(table.rpartition(".")[2], small == "t") for name, table, small in rows}
