"""Runs the Swift tests in several processes at once: what a test waits for is mostly a server, seldom a processor.

A share is some suites of one target. Each share runs its tests one after another, as `swift test --no-parallel` does, and what it
printed is shown when it has ended.
"""

import os
import re
import subprocess
import sys
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from penguin.layout import ROOT, build_folder
from penguin.terminal import Failure, say

# The test program paints its lines even where nobody sees colours.
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# Ordinary tests of one share at most: small enough that no process is left with much to do while the others have ended.
SHARE = 60
# How many ordinary tests one of these takes as long as: they run whole stacks.
HEAVY = {"SystemTests": 40}
# No share takes a third of this, even on a machine that is busy with something else.
LIMIT_SECONDS = 25 * 60


@dataclass(frozen=True)
class Share:
    """Some suites of a target."""

    target: str
    suites: tuple
    tests: int

    @property
    def weight(self):
        return self.tests * HEAVY.get(self.target, 1)

    @property
    def filter(self):
        """What Swift Testing's `--filter` takes: an identifier reads Target.Suite/test() or Target.test()."""
        names = "|".join(re.escape(suite) for suite in self.suites)
        return rf"^{re.escape(self.target)}\.({names})(/|\(|$)"

    @property
    def title(self):
        return f"{self.target}: {self.suites[0]}" + (f" … {self.suites[-1]}" if len(self.suites) > 1 else "")


def shares(listing):
    """Divides what `swift test list` prints, with the largest first."""
    counts = defaultdict(lambda: defaultdict(int))
    for line in listing.splitlines():
        target, dot, rest = line.strip().partition(".")
        if dot:
            counts[target][re.split(r"[/(]", rest, maxsplit=1)[0]] += 1
    found = []
    for target, suites in counts.items():
        chosen, tests = [], 0
        for suite, number in sorted(suites.items()):
            if chosen and (tests + number) * HEAVY.get(target, 1) > SHARE:
                found.append(Share(target, tuple(chosen), tests))
                chosen, tests = [], 0
            chosen.append(suite)
            tests += number
        found.append(Share(target, tuple(chosen), tests))
    return sorted(found, key=lambda share: (-share.weight, share.title))


def run(read, environment=None, arguments=(), slowness=1):
    """Runs everything, lets `read` see each line, and says with which status the worst share ended. `arguments` choose the build, which may be
    so many times as slow as the ordinary one."""
    listing = subprocess.run(["swift", "test", "list", "--skip-build", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)
    if listing.returncode != 0:
        raise Failure(f"The tests cannot be listed.\n{listing.stderr}")
    todo = shares(listing.stdout)
    if not todo:
        raise Failure("There are no Swift tests.")
    printing = threading.Lock()
    runs = _Runs(_bundle(), environment, LIMIT_SECONDS * slowness)

    def take(share):
        started = time.monotonic()
        status, output = runs.run(share)
        with printing:
            sys.stdout.write(output)
            for line in output.splitlines(keepends=True):
                read(line)
            if status != 0:
                say(f"  {share.title} ended with status {status}.")
            say(f"  — {share.title}: {share.tests} tests in {time.monotonic() - started:.0f} s")
        return abs(status)

    with ThreadPoolExecutor((os.cpu_count() or 1) + 1) as pool:
        try:
            return max(pool.map(take, todo))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            runs.end()
            raise


def _bundle():
    """The one program that holds the tests of all targets."""
    found = sorted((build_folder() / "debug").glob("*PackageTests.xctest"))
    if len(found) != 1:
        raise Failure(f"Expected one test program in {build_folder().name}/debug, found {len(found)}.")
    return str(found[0])


class _Runs:
    """The processes that run now, so that Ctrl-C leaves none."""

    def __init__(self, program, environment, limit):
        self._program = program
        self._limit = limit
        self._environment = environment
        self._running = set()

    def run(self, share):
        command = [self._program, "--testing-library", "swift-testing", "--no-parallel", "--filter", share.filter]
        process = subprocess.Popen(
            command, cwd=ROOT, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        self._running.add(process)
        try:
            output, _ = process.communicate(timeout=self._limit)
            return process.returncode, COLOURS.sub("", output)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            return 1, f"{output}\n✘ Test share \"{share.title}\" was ended after {self._limit} s.\n"
        finally:
            self._running.discard(process)

    def end(self):
        for process in list(self._running):
            process.terminate()
