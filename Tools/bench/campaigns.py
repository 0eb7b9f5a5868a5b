"""Import of a million leads beside \\copy; counts, claims and scheduling at a million leads and five million enrolments, and their plans.

--rows and --enrolments take fewer. Everything is asked of the real stack: the import goes through the gateway, the scheduler is the service's own
loop, the plans are those of the statements that it ran.
"""

import os
import tempfile
from pathlib import Path

from bench.campaign_parts import claims, importing, people, plans, scheduling, seed
from bench.campaign_parts.company import Ground
from bench.campaign_parts.measure import beside, percentiles
from bench.campaign_parts.reading import REQUESTS, Questions
from penguin import demo, services
from penguin.layout import Layout
from penguin.terminal import Failure, say, step

ROWS = 1_000_000
ENROLMENTS = 5_000_000
# Milliseconds, 99 times of a hundred.
CLAIM_LIMIT = 100
NEXT_DUE_LIMIT = 10
ENROL_LIMIT = 250


def run(options):
    if services.configuration() != "release":
        say("  This measures a debug build; PENGUIN_CONFIGURATION=release ./penguin bench measures what would be deployed.")
    rows = options.rows or ROWS
    size = seed.per_campaign(rows, options.enrolments or ENROLMENTS)
    with tempfile.TemporaryDirectory(prefix="penguin-bench-") as folder:
        os.environ["PENGUIN_LOCAL"] = folder
        layout = Layout()
        stack = demo.running_stack(layout, options.no_build)
        try:
            yield from _results(Ground(stack, layout), Path(folder, "leads.csv"), rows, size)
        finally:
            stack.stop()


def _results(ground, path, rows, size):
    with step(f"Writing a file of {rows} leads"):
        people.write(path, rows)
    ground.sql.run("create schema bench")
    imports = importing.measure(ground, path, rows)
    yield from imports.results(rows)
    for words in imports.missed:
        say(f"  Not as wanted: {words}")

    company = imports.company
    campaigns, sent = seed.seed(ground, company, rows, size)
    reader = company.reader(ground)
    questions = Questions.of(company, campaigns[0])
    yield from questions.ask(reader, REQUESTS)

    seen = scheduling.explain(ground, company, reader, questions, sent, rows)
    unseen, faults = plans.unseen(seen), plans.faults(seen, plans.indexes(ground.sql))
    yield {
        "name": "campaigns, statements that read a big table whole, of all plans", "value": len(faults), "unit": "statements", "beside": len(seen),
        "ratio": len(faults) / max(1, len(seen))}
    if batches := plans.batches(seen):
        yield from percentiles("enroller's batch of 1000 leads, its statements", batches, ENROL_LIMIT)
    if not set(unseen) & set(claims.STATEMENTS):
        claimed = claims.measure(ground, company, campaigns, seen)
        yield from percentiles(f"claim of {2 * claims.BATCH} due enrolments", claimed.claims, CLAIM_LIMIT)
        yield from percentiles("when the next is due", claimed.next_due, NEXT_DUE_LIMIT)

    half = len(campaigns) // 2
    due = seed.Mix.ordinary(size).due
    ours = scheduling.loop_rate(ground, company, campaigns[:half], due)
    bare = scheduling.bare_rate(ground, company, campaigns[half:], due)
    yield beside("scheduling by one process, decided and handed over, beside a bare loop in SQL", ours, "enrolments/s", bare)

    faults += [f"The statement was not seen: {name}." for name in unseen]
    if faults:
        raise Failure("The benchmark found faults:\n" + "\n".join(f"    {fault}" for fault in faults))
