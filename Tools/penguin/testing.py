"""./penguin test: builds, checks and tests everything, and says at the end how long each stage took."""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field

from penguin import build, checks, console, deploy, docs, isolation, sanitizers, swift_tests
from penguin.layout import ROOT
from penguin.terminal import Failure, duration, say

SOURCES = ["Package.swift", "Services", "Shared", "Tests"]
SWIFT_RUN = re.compile(r"Test run with (\d+) tests?\b.* (?:passed|failed) after")
# With the time that follows: a test's title may say that something "failed after" something.
SWIFT_FAILURE = re.compile(r"^[^◇✔] Test (?!run with |case )(.+) failed after [0-9.]+ seconds")
# What a failed test, a compiler or a linter says of itself: told again at the end, where it is looked for first.
TOLD_AGAIN = re.compile(r"^✘ Test (?!run with |case )|^[^:\s]+:\d+(?::\d+)?: error: |^(?:FAIL|ERROR): ")
TOLD_AT_MOST = 40
PYTHON_RUN = re.compile(r"^Ran (\d+) tests? in")
PYTHON_FAILURES = re.compile(r"^FAILED \((.+)\)")


@dataclass
class Result:
    """How many checks of a stage passed and failed, and what the failures said."""

    passed: int
    failed: int
    told: list[str] = field(default_factory=list)


def run(options):
    if options.sanitize:
        return _run_sanitized(options)
    if options.full:
        # Also the console's tests read it: then every screen is looked at in all four views.
        os.environ["PENGUIN_TEST_FULL"] = "1"
    stages = [("build", _build)]
    if not options.more or options.full:
        stages += [
            ("tools", _tools), ("lint", lint), ("boundaries", _boundaries), ("routes", _routes), ("metrics", _metrics), ("docs", _docs),
            ("deploy", _deploy),
        ]
    stages.append(("swift test", lambda: _swift_test(options.more, options.full)))
    if not options.more or options.full:
        stages += [("isolation", _isolation), ("console", _console)]
    return 0 if _run(stages) else 1


def _run_sanitized(options):
    """The Swift tests alone, in a build of their own; what a sanitizer reports of them or of what they start is a failure."""
    kind = options.sanitize
    environment = sanitizers.environment(kind)
    os.environ.update(environment)

    def build_tests():
        build.build(tests=True, sanitizer=kind)
        return Result(1, 0)

    def reports():
        return _faults(sanitizers.reports(kind))

    tests = [("swift test", lambda: _swift_test(options.more, options.full, kind)), (f"{kind} sanitizer", reports)]
    return 0 if _run([("build", build_tests), *tests]) else 1


def _run(stages):
    """Runs each stage even when an earlier one failed, except that nothing can be tested that was not built."""
    results = []
    for name, stage in stages:
        say(f"— {name}")
        started = time.monotonic()
        try:
            result = stage()
        except Failure as failure:
            say(f"  {failure}")
            result = Result(0, 1, [str(failure)])
        results.append((name, time.monotonic() - started, result))
        if name == "build" and result.failed:
            break
    passed, failed = (sum(getattr(result, side) for _, _, result in results) for side in ("passed", "failed"))
    sys.stdout.flush()
    print()
    for name, _, result in results:
        for line in result.told[:TOLD_AT_MOST]:
            print(f"  {name}: {line}")
    for name, seconds, result in results:
        print(f"  {name:<18} {duration(seconds):>12}  {f'{result.failed} failed' if result.failed else 'passed'}")
    print(f"  {'total':<18} {duration(sum(seconds for _, seconds, _ in results)):>12}")
    print(f"{passed} passed, {failed} failed", flush=True)
    return failed == 0


def _build():
    build.build(tests=True)
    return Result(1, 0)


def _tools():
    found = {"run": 0, "failed": 0}
    told = []

    def read(line):
        _note(line, told)
        if match := PYTHON_RUN.match(line):
            found["run"] = int(match.group(1))
        if match := PYTHON_FAILURES.match(line):
            found["failed"] = sum(int(number) for kind, number in re.findall(r"(\w+)=(\d+)", match.group(1)) if kind in ("failures", "errors"))

    status = _stream([sys.executable, "-m", "unittest", "discover", "-s", "tests", "-t", "."], read, folder=ROOT / "Tools")
    return _counted(found["run"], found["failed"], status, told)


def lint():
    told = []
    status = _stream(["swift", "format", "lint", "--strict", "--parallel", "-r", *SOURCES], lambda line: _note(line, told))
    return Result(1, 0) if status == 0 else Result(0, 1, told)


def format_sources():
    return _stream(["swift", "format", "--in-place", "--parallel", "-r", *SOURCES])


def _metrics():
    return _faults(checks.metrics())


def _boundaries():
    return _faults(checks.boundaries())


def _routes():
    return _faults(checks.routes())


def _docs():
    return _faults(docs.faults())


def _deploy():
    return _faults(deploy.faults())


def _console(arguments=()):
    return Result(*console.run_all(_stream, arguments))


def _isolation(arguments=()):
    return Result(*isolation.run_all(_stream, arguments))


def run_fuzz(options):
    """./penguin fuzz: broken bytes for every reader of foreign ones, as long as one likes."""
    os.environ["PENGUIN_FUZZ_SECONDS"] = str(options.seconds)
    if options.seed is not None:
        os.environ["PENGUIN_SEED"] = str(options.seed)
    options.more = ["--filter", rf"{re.escape(options.target)}.*FuzzTests" if options.target else "FuzzTests"]
    options.full = False
    return run(options)


def run_isolation(options):
    """./penguin isolation: what one company, service or role may not have of another."""
    return _run_alone("isolation", _isolation, options)


def run_console(options):
    """./penguin console-test: the console alone, against what was built last."""
    return _run_alone("console", _console, options)


def _run_alone(name, stage, options):
    stages = [(name, lambda: stage(options.more))]
    if not options.no_build:
        stages.insert(0, ("build", lambda: (build.build(), Result(1, 0))[1]))
    return 0 if _run(stages) else 1


def _faults(faults):
    for fault in faults:
        say(f"  {fault}")
    return Result(0, len(faults), faults) if faults else Result(1, 0)


def _swift_test(arguments, full, sanitizer=None):
    """`full` lets the tests that search for rare faults take as long as they need, instead of a few seeds each."""
    environment = {**os.environ, "PENGUIN_TEST_FULL": "1"} if full else None
    found = {"run": 0, "failed": set()}
    told = []

    def read(line):
        _note(line, told)
        if match := SWIFT_RUN.search(line):
            found["run"] += int(match.group(1))
        if match := SWIFT_FAILURE.match(line):
            found["failed"].add(match.group(1))

    if arguments:
        status = _stream(["swift", "test", "--no-parallel", *sanitizers.arguments(sanitizer), *arguments], read, environment=environment)
    else:
        status = swift_tests.run(read, environment, sanitizers.arguments(sanitizer), sanitizers.SLOWNESS if sanitizer else 1)
    return _counted(found["run"], len(found["failed"]), status, told)


def _note(line, told):
    """Keeps a line that tells of a failure."""
    if TOLD_AGAIN.match(line):
        told.append(line.rstrip())


def _counted(run, failed, status, told):
    """A runner that fails without naming a test, as a crash does, is one failure."""
    if status != 0:
        failed = max(failed, 1)
    return Result(max(0, run - failed), failed, told if failed else [])


def _stream(command, read=lambda line: None, folder=ROOT, environment=None):
    """Runs a command, shows what it says, and lets `read` see each line."""
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    try:
        for line in process.stdout:
            sys.stdout.write(line)
            read(line)
        return process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
