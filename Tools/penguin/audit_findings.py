"""What a check comes to: clean, tampered with, or nothing that could be said."""

import json

CLEAN, TAMPERED, INCOMPLETE = 0, 1, 2


class Bad(Exception):
    """The first thing that is not as it was written."""

    def __init__(self, kind, seq=None, identifier=None, **more):
        super().__init__(kind)
        self.found = {"kind": kind, "seq": seq, "id": identifier if isinstance(identifier, str) and len(identifier) <= 64 else None, **more}


class Incomplete(Exception):
    """Something that is needed to say anything is not there."""


def report(check):
    """Runs a check, prints what it found as JSON, gives the exit status. Nothing that goes wrong may look like a finding, or like none."""
    try:
        answer, status = {"result": "clean", **check()}, CLEAN
    except Bad as bad:
        answer, status = {"result": "tampered", "first_bad": bad.found}, TAMPERED
    except Incomplete as incomplete:
        answer, status = {"result": "incomplete", "problem": str(incomplete)}, INCOMPLETE
    except Exception as error:
        answer, status = {"result": "incomplete", "problem": f"{type(error).__name__}: {error}"}, INCOMPLETE
    print(json.dumps(answer, indent=2))
    return status
