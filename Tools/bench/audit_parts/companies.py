"""Who is in the trail: how many entries each company has, how long it keeps them, how its tree ends."""

from dataclasses import dataclass

from penguin.terminal import Failure

COMPANIES = 200
# A tile of the tree. A size in whole tiles needs none of them to go on: the next entry begins one.
TILE = 256
# The months that have entries, this one included.
MONTHS = 15
FEWEST = 50_000
# Everybody's entries and classes by the rest of their number; the days that they go back.
CLASSES = ("d90", "y7", "y1")
DAYS = {"d90": 88, "y1": 360, "y7": 30 * (MONTHS - 1)}
# The largest company, which searches, and the one beside them that takes its trail away.
SEARCHER = 1
EXPORTER = 301
# Those whose month is dropped, and those whose events are taken in: from these numbers on.
RETIRED = 401
FRESH = 1_000
EXPORTED = 250_000


@dataclass(frozen=True)
class Company:
    """A company with its entries; `size` is in whole tiles."""

    number: int
    size: int
    kept: str

    @property
    def tenant(self):
        return identifier(self.number)


def identifier(number):
    return f"00000000-0000-4000-8000-{number:012d}"


def all_of(rows):
    """Two hundred companies with the sizes of Zipf, the largest first, and the one that exports."""
    if rows < FEWEST:
        raise Failure(f"Fewer than {FEWEST} entries measure nothing: take --rows {FEWEST} or more.")
    whole = sum(1 / number for number in range(1, COMPANIES + 1))
    made = [Company(number, tiles(rows / number / whole), CLASSES[number % len(CLASSES)]) for number in range(1, COMPANIES + 1)]
    return made + [Company(EXPORTER, tiles(min(EXPORTED, rows // 10)), "y7")]


def tiles(rows):
    """The nearest number in whole tiles, one at least."""
    return max(1, round(rows / TILE)) * TILE


def settled(company):
    """Statements that make the tree's end, its signed states and what the company's plan keeps; the hashes are of nothing."""
    tenant, last = f"'{company.tenant}'::uuid", company.size
    roots = bin(last).count("1")
    note = "repeat('a benchmark''s note ', 20)"
    return (
        f"insert into audit.trail_heads (tenant_id, size, frontier) values ({tenant}, {last}, decode(repeat('00', {32 * roots}), 'hex'))",
        f"""insert into audit.trail_checkpoints (tenant_id, size, root, note, at)
        select {tenant}, size, decode(repeat('00', 32), 'hex'), {note}, now()
        from (select generate_series({TILE}, {last}, 4 * {TILE}) as size union select {last}) as sizes""",
        f"insert into audit.trail_plans (tenant_id, plan, class, asked_at) values ({tenant}, 'benchmark', '{company.kept}', 'infinity')",
        f"""insert into audit.trail_classes (tenant_id, month, class)
        select {tenant}, (date_trunc('month', now(), 'UTC') at time zone 'UTC' - make_interval(months => n))::date, '{company.kept}'
        from generate_series(0, {MONTHS - 1}) as n""",
    )
