"""The trail's ingest, search, export and expiry at five million entries of 200 companies, each beside raw Postgres, and the plans of its searches.

--rows takes fewer entries. The program is the real one: events come through its Redis stream, searches and exports through its public listener,
with the identity that the gateway would hand on. Ingest writes into tables that are nearly empty, everything else reads the large ones.
"""

import os
import tempfile

from bench.audit_parts import companies, entries, expiring, exporting, ingest, plans, searching
from bench.audit_parts.asking import Asker
from bench.campaign_parts.company import Ground
from bench.campaign_parts.measure import percentile
from penguin import demo, services
from penguin.layout import Layout
from penguin.terminal import Failure, say

ROWS = 5_000_000
# Taken in each time, of so many companies.
EVENTS = 100_000
FEWEST_EVENTS = 5_000
INGEST_COMPANIES = (5, companies.COMPANIES)


def run(options):
    if services.configuration() != "release":
        say("  This measures a debug build; PENGUIN_CONFIGURATION=release ./penguin bench measures what would be deployed.")
    rows = options.rows or ROWS
    everybody = companies.all_of(rows)
    with tempfile.TemporaryDirectory(prefix="penguin-bench-") as folder:
        os.environ["PENGUIN_LOCAL"] = folder
        layout = Layout()
        stack = demo.running_stack(layout, options.no_build)
        try:
            yield from _results(Ground(stack, layout), everybody, rows)
        finally:
            stack.stop()


def _results(ground, everybody, rows):
    events = min(EVENTS, max(FEWEST_EVENTS, rows // 10))
    for place, count in enumerate(INGEST_COMPANIES):
        ours, bare = ingest.measure(ground, events, count, place)
        yield beside(f"{events} events of {count} companies taken in, beside COPY and INSERT in batches of {ingest.BATCH}", ours, "events/s", bare)

    # Files hold only what re-hashes, so whoever exports is taken in by the service itself.
    searcher, exporter = everybody[0], everybody[-1]
    entries.seed(ground, everybody[:-1], rows, companies.Signer(ground.layout.keys / "trail.json"))
    ingest.fill(ground, exporter)
    asker = Asker(ground, searcher.tenant)
    searches = searching.searches(ground.sql, searcher)
    for search in searches:
        yield from _search(ground, asker, search)
    walk = searching.Walk(asker)
    walk.go()
    first, second, last = walk.compare()
    yield beside(f"page {walk.number} by cursor, p50, beside page 1, which counts", last, "ms", first)
    yield beside(f"page {walk.number} by cursor, p50, beside page 2", last, "ms", second)

    for format in exporting.FORMATS:
        count, ours, bare = exporting.measure(ground, exporter, format)
        yield beside(f"export of {count} entries as {format}, beside COPY TO a file", ours, "rows/s", bare)

    seen, faults = _faults(ground, searches, walk, everybody)
    yield {
        "name": "audit, statements that read a big partition whole, of all plans", "value": len(faults), "unit": "statements", "beside": seen,
        "ratio": len(faults) / seen}

    count, dropped, deleted = expiring.measure(ground)
    yield beside(f"a lapsed month of {count} entries dropped, beside DELETE", dropped, "s", deleted)
    if faults:
        raise Failure("The benchmark found faults:\n" + "\n".join(f"    {fault}" for fault in faults))


def _search(ground, asker, search):
    first, later, raw = searching.measure(ground, asker, search)
    yield beside(f"{search.name}, p50, beside raw SQL", percentile(later, 50), "ms", percentile(raw, 50))
    yield beside(f"{search.name}, p99, beside raw SQL", percentile(later, 99), "ms", percentile(raw, 99))
    yield beside(f"{search.name}, p99, beside what is wanted", percentile(later, 99), "ms", searching.LIMIT)
    if len(first) > 1:
        name = f"{search.name}, when the read itself is written down, p50, beside later ones"
        yield beside(name, percentile(first, 50), "ms", percentile(later, 50))


def _faults(ground, searches, walk, everybody):
    """How many plans were seen, and what reads a big partition whole: searches, pages, an export."""
    big, indexes = plans.partitions(ground.sql), plans.indexes(ground.sql)
    # A connection that was idle during an export may be gone.
    asker, exporter = Asker(ground, everybody[0].tenant), everybody[-1]
    with plans.Explained(ground) as explained:
        for search in searches:
            search.ask(asker, max(searching.REPETITIONS, len(search.paths)))
        for address in (walk.second, walk.last):
            for _ in range(searching.REPETITIONS):
                asker.get(address)
        exporting.exported(Asker(ground, exporter.tenant), "csv", exporter.size)
    if not any("trail_events" in plan.query for plan in explained.plans):
        raise Failure("No plan of a search was seen in Postgres' log.")
    return len(explained.plans), plans.faults(explained.plans, big, indexes)


def beside(name, value, unit, other):
    """A result in the form that ./penguin bench prints; `other` is a peer's figure, or what is wanted."""
    return {"name": f"audit, {name}", "value": round(value, 3), "unit": unit, "beside": round(other, 3), "ratio": float(f"{value / other:.3g}")}
