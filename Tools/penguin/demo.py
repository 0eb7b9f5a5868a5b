"""./penguin demo: the main job on a real stack, with everything counted at the end."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from penguin import build, closing, dns
from penguin.api import Api
from penguin.chaos import Chaos
from penguin.journey import Journey
from penguin.layout import ROOT, Layout, read_json
from penguin.stack import RunningStack
from penguin.terminal import Failure, say

SAMPLE = ROOT / "Samples" / "leads.csv"
# Long enough that seven faults fall into the middle of sending.
CHAOS_ROWS = 4_000


def run(options):
    with tempfile.TemporaryDirectory() as scratch:
        path = _leads(options, Path(scratch))
        layout = Layout()
        stack = running_stack(layout, options.no_build)
        try:
            result = send(stack, layout, path, options.chaos)
            print(json.dumps(result, ensure_ascii=False) if options.json else "\n" + closing.text(result), flush=True)
            if not options.exit:
                _leave_running(stack)
        finally:
            stack.stop()
    return 0 if result["ok"] else 1


def running_stack(layout, no_build=False):
    """The stack that is up, or one that ends with us."""
    stack = RunningStack.find(layout)
    if stack:
        say(f"  Using the stack that is up: {stack.facts['url']}")
        return stack
    if not no_build:
        build.build()
    return RunningStack.start(layout, detached=False)


def send(stack, layout, path, with_chaos=False):
    """One campaign from signing up to the last mail; returns the report."""
    facts = stack.facts
    api = Api(facts["url"], layout.authority)
    journey = Journey(api, layout.maildir, facts["ports"]["mail"], read_json(layout.secrets)["mail_demo"])
    journey.sign_up()
    journey.set_up()
    journey.authenticate(lambda records: dns.publish(layout, journey.domain, records))
    journey.import_leads(path)
    if journey.leads["created"] == 0:
        raise Failure(f"{path} holds no lead that could be imported; the first reasons: {journey.rejections[:3]}")
    chaos = Chaos(stack, journey.leads["created"]) if with_chaos else None
    journey.launch()
    progress, seconds = journey.watch(chaos.on_progress if chaos else lambda _: None)
    actions = journey.audit_actions(closing.EXPECTED_ACTIONS)
    return closing.report(journey, progress, seconds, actions, chaos, facts["url"])


def _leads(options, scratch):
    if options.leads:
        path = Path(options.leads)
        if not path.is_file():
            raise Failure(f"There is no file {path}.")
        return path
    if not options.chaos:
        return SAMPLE
    path = scratch / "many-leads.csv"
    with open(path, "wb") as file:
        subprocess.run([sys.executable, str(ROOT / "Tools" / "samples" / "leads.py"), "--rows", str(CHAOS_ROWS)], stdout=file, check=True)
    return path


def _leave_running(stack):
    if not stack.is_ours:
        say("\n  The stack stays up; ./penguin down stops it.")
        return
    say("\n  The stack stays up. Ctrl-C stops it.")
    try:
        stack.wait()
    except KeyboardInterrupt:
        say()
