"""The claim of a round, in transactions that are rolled back: the service's own statements, as its log of plans has them."""

import re
from dataclasses import dataclass

from bench.campaign_parts import plans
from penguin.terminal import Failure, step

TURNS = 100
BATCH = 500
# As the service's background connections are set (PostgresConfiguration.keepsPlans).
KEEPS_PLANS = "-c TimeZone=UTC -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off"
STATEMENTS = ("claim of those in a thread", "claim of new ones", "next due")
# A parameter behind what it is compared with, or what it limits.
PARAMETER = re.compile(r"(\w+)\s*(?:=|<=)?\s*\$(\d+)")


@dataclass
class Claims:
    """Milliseconds, of a thousand enrolments claimed by two statements, and of the look for what is due next."""

    claims: list
    next_due: list


def measure(ground, company, campaigns, seen):
    """Turns over the campaigns; `seen` are plans of the real statements."""
    # What is claimed is only counted.
    script = ["\\o /dev/null"]
    texts = [plans.named(seen, name)[0].query for name in STATEMENTS]
    script += [f"prepare s{number} as {text};" for number, text in enumerate(texts)]
    for turn in range(TURNS):
        values = {
            "tenant_id": f"'{company.tenant}'", "campaign_id": f"'{campaigns[turn % len(campaigns)].id}'", "due_at": "now()", "limit": str(BATCH)}
        script += ["begin;", "\\timing on"]
        for number, text in enumerate(texts):
            script += [f"execute s{number}({', '.join(arguments(text, values))});", "\\echo rows :ROW_COUNT"]
        script += ["\\timing off", "rollback;"]
    with step(f"Claiming {2 * BATCH} enrolments, {TURNS} times"):
        answer = ground.psql("campaigns_worker", KEEPS_PLANS).script("\n".join(script) + "\n")
    return _read(answer)


def arguments(text, values):
    """The values of a statement's parameters in their order, by the name that stands before each."""
    wanted = {int(number) for number in re.findall(r"\$(\d+)", text)}
    found = {int(number): values.get(name) for name, number in PARAMETER.findall(text)}
    unknown = sorted(number for number in wanted if found.get(number) is None)
    if unknown:
        raise Failure(f"The benchmark does not know what ${unknown[0]} is in: {text}")
    return [found[number] for number in sorted(wanted)]


def _read(answer):
    times = [float(number) for number in re.findall(r"^Time: ([\d.]+) ms", answer, re.MULTILINE)]
    rows = [int(number) for number in re.findall(r"^rows (\d+)$", answer, re.MULTILINE)]
    if len(times) != len(STATEMENTS) * TURNS or rows != [BATCH, BATCH, 1] * TURNS:
        raise Failure(f"The claims did not take {BATCH} rows each: {answer.strip()[:500]}")
    return Claims([first + second for first, second in zip(times[0::3], times[1::3])], times[2::3])
