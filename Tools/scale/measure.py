"""Weighs the tables of the stack that is up: how many bytes came, for how many rows, since an earlier weighing.

    python3 Tools/scale/measure.py > before.json
    ./penguin demo leads.csv --exit
    python3 Tools/scale/measure.py --since before.json

Sizes are what Postgres keeps on disk, with indexes, after VACUUM; partitions count for their table. The line of the write-ahead log is what was written to
it meanwhile, VACUUM included. Takes PENGUIN_LOCAL, as ./penguin does.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from penguin.layout import Layout, read_json  # noqa: E402
from penguin.postgres import psql_command, psql_environment  # noqa: E402
from penguin.terminal import Failure  # noqa: E402

SCHEMAS = ("auth", "users", "public", "billing", "campaigns", "delivery", "audit")
WEIGH = """
    with recursive leaves as (
        select c.oid as root, c.oid as leaf from pg_class c where c.relkind in ('r', 'p') and not c.relispartition
        union all select l.root, i.inhrelid from leaves l join pg_inherits i on i.inhparent = l.leaf)
    select n.nspname || '.' || c.relname, sum(pg_total_relation_size(l.leaf)),
        (xpath('/row/n/text()', query_to_xml(format('select count(*) as n from %%I.%%I', n.nspname, c.relname), false, true, '')))[1]::text::bigint
    from leaves l join pg_class c on c.oid = l.root join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in (%s) group by c.oid, n.nspname, c.relname
    union all select '(write-ahead log)', pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0'), 0
""" % ", ".join(f"'{schema}'" for schema in SCHEMAS)


def weigh(layout):
    """Table → [bytes, rows]."""
    state, passwords = read_json(layout.state), read_json(layout.secrets)
    if not (state and passwords):
        raise Failure("The stack is not up. Start it with ./penguin up.")
    command = psql_command(state["ports"]["postgres"], "postgres")
    told = subprocess.run(
        [*command, "-AtqX", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", "vacuum", "-c", WEIGH], env=psql_environment(passwords["postgres"]), text=True,
        capture_output=True)
    if told.returncode != 0:
        raise Failure(told.stderr.strip())
    return {name: [int(size), int(rows)] for name, size, rows in (line.split("\t") for line in told.stdout.splitlines() if "\t" in line)}


def grown(before, after):
    """(table, bytes, rows) of what came, the most bytes first; tables that grew by no row but were rewritten are told, too."""
    lines = [(name, size - before.get(name, [0, 0])[0], rows - before.get(name, [0, 0])[1]) for name, (size, rows) in after.items()]
    return sorted((line for line in lines if line[1] > 0), key=lambda line: -line[1])


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--since", metavar="FILE", help="an earlier weighing: say what came since")
    since = options.parse_args().since
    try:
        now = weigh(Layout())
    except Failure as failure:
        sys.exit(f"measure: {failure}")
    if since is None:
        json.dump(now, sys.stdout)
        return
    for name, size, rows in grown(json.loads(Path(since).read_text()), now):
        print(f"{name:<40} {size:>14,} bytes {rows:>10,} rows {size // rows if rows > 0 else 0:>8,} bytes a row")


if __name__ == "__main__":
    main()
