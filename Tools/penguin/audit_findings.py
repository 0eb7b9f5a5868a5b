"""What a check comes to: clean, tampered with, or nothing that could be said."""

import json
import os
import sys

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
    return _tell(answer, status)


def _tell(answer, status):
    """A reader who has gone, as `head` does, changes nothing about the finding; what could not be written was not told."""
    try:
        print(json.dumps(answer, indent=2), flush=True)
        return status
    except OSError as error:
        # What is left is written at the program's end, and would fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return status if isinstance(error, BrokenPipeError) else INCOMPLETE
