"""What the doctor says: a stable code, how bad it is, what was found, and what to do about it."""

import json
from dataclasses import asdict, dataclass

OK, WARNING, FAILURE = "ok", "warning", "failure"


@dataclass(frozen=True)
class Finding:
    code: str
    level: str
    found: str
    # One sentence; empty where nothing is to be done.
    do: str = ""


def ok(code, found):
    return Finding(code, OK, found)


def warning(code, found, do):
    return Finding(code, WARNING, found, do)


def failure(code, found, do):
    return Finding(code, FAILURE, found, do)


def status(findings):
    """That of the command: warnings are for people, failures stop a deployment."""
    return 1 if any(finding.level == FAILURE for finding in findings) else 0


def as_json(findings):
    counts = {level: sum(finding.level == level for finding in findings) for level in (OK, WARNING, FAILURE)}
    return json.dumps({**counts, "findings": [asdict(finding) for finding in findings]}, ensure_ascii=False)


def as_table(findings):
    """A line each, and below it what to do."""
    width = max((len(finding.code) for finding in findings), default=0)
    lines = []
    for finding in findings:
        lines.append(f"  {finding.level:<7}  {finding.code:<{width}}  {finding.found}")
        if finding.do:
            lines.append(f"  {'':<7}  {'':<{width}}  → {finding.do}")
    bad, doubtful = (sum(finding.level == level for finding in findings) for level in (FAILURE, WARNING))
    return "\n".join([*lines, f"  {len(findings)} checks: {bad} failed, {doubtful} warned."])
