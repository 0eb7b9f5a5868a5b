"""The plans of the statements that Audit really runs, out of Postgres' own log, and whether one of them reads a partition whole."""

from bench.campaign_parts.plans import SETTINGS, read
from penguin.terminal import wait_until

ROLES = ("audit_api", "audit_worker")
BIG = ("trail_events", "trail_details", "trail_targets")
# Rows that are read whole without harm.
FEW = 10_000


def partitions(sql):
    """The partitions with more than a few rows."""
    roots = ", ".join(f"('audit.{table}')" for table in BIG)
    return set(sql.run(
        f"""select c.relname from (values {roots}) as r (name) cross join lateral pg_partition_tree(r.name::regclass) t
        join pg_class c on c.oid = t.relid where t.isleaf and c.reltuples > {FEW}""").split())


def indexes(sql):
    """The partition of each index, by the index's name."""
    roots = ", ".join(f"('audit.{table}')" for table in BIG)
    lines = sql.run(
        f"""select i.indexrelid::regclass::text, c.relname from (values {roots}) as r (name)
        cross join lateral pg_partition_tree(r.name::regclass) t join pg_index i on i.indrelid = t.relid
        join pg_class c on c.oid = t.relid where t.isleaf""").splitlines()
    return {name.rpartition(".")[2]: table for name, table in (line.split("|") for line in lines)}


def whole_reads(plan, big, indexes):
    """Which big partitions a plan reads whole, and how: row by row, or through an index that is asked for nothing."""
    found = []
    for node in plan.nodes:
        kind, index = node["Node Type"], node.get("Index Name")
        if kind == "Seq Scan" and node["Relation Name"] in big:
            found.append(f"{kind} on {node['Relation Name']}")
        if index and indexes.get(index) in big and "Index Cond" not in node:
            found.append(f"{kind} of all of {index}")
    return found


def faults(plans, big, indexes):
    """Each statement that reads a big partition whole, once, in words."""
    found = {}
    for plan in plans:
        if reads := whole_reads(plan, big, indexes):
            found.setdefault((plan.role, plan.query), reads[0])
    return [f"{fault}, as {role}: {query[:600]}" for (role, query), fault in found.items()]


class Explained:
    """While the block runs, each statement of Audit leaves its plan in the log; afterwards `plans` are those."""

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
        """Settings of a role are those of its next sessions: the service replaces what is hung up on while it is idle."""
        names = ", ".join(f"'{role}'" for role in ROLES)
        since = self._sql.value("select clock_timestamp()")
        old = f"from pg_stat_activity where usename in ({names}) and backend_start < '{since}'"

        def are_gone():
            self._sql.run(f"select pg_terminate_backend(pid) {old} and state = 'idle'")
            return self._sql.value(f"select count(*) {old}") == "0"

        wait_until("The end of the sessions of Audit", are_gone, 30)
