"""What the scripts that keep stacks of their own have in common; each takes a folder and ends with 1 at the first thing that is not as promised."""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "Tools"))

from penguin import dns  # noqa: E402
from penguin.api import Api  # noqa: E402
from penguin.journey import Journey  # noqa: E402
from penguin.layout import read_json  # noqa: E402

BEGAN = time.monotonic()


def penguin(layout, *arguments, check=True, **variables):
    """`./penguin` for the stack of that folder, as a person calls it."""
    return finished([str(ROOT / "penguin"), *arguments], layout, check, **variables)


def finished(command, layout, check=True, **variables):
    environment = {**os.environ, "PENGUIN_LOCAL": str(layout.folder), "PENGUIN_CONFIGURATION": "debug", **variables}
    result = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if check and result.returncode != 0:
        raise SystemExit(f"{' '.join(command[-3:])} ended with {result.returncode}:\n{result.stdout[-2000:]}\n{result.stderr[-3000:]}")
    return result


def refused(words, result):
    """The command said no, in these words and without a traceback."""
    if result.returncode == 0 or words not in result.stderr or "Traceback" in result.stderr:
        raise SystemExit(f"Expected a refusal ({words}), got {result.returncode}:\n{result.stdout}\n{result.stderr}")


def same(found, expected):
    if found != expected:
        raise SystemExit(f"Expected {expected!r}, got {found!r}"[:3_000])


def step(words):
    print(f"{time.monotonic() - BEGAN:5.1f} s  {words}", flush=True)


def company(layout):
    """A company that can send, on a stack that is up; its leads are still to be imported."""
    journey = journey_of(layout)
    journey.sign_up()
    journey.set_up()
    journey.authenticate(lambda records: dns.publish(layout, journey.domain, records))
    return journey


def journey_of(layout):
    facts = read_json(layout.state)
    return Journey(Api(facts["url"], layout.authority), layout.maildir, facts["ports"]["mail"], read_json(layout.secrets)["mail_demo"])


def write_leads(path, count, name="lead"):
    path.write_text("email,first_name\n" + "".join(f"{name}{number}@customers.example,Lead{number}\n" for number in range(count)))
    return path
