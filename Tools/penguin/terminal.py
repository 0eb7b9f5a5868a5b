"""Words for whoever runs the command: progress goes to stderr, so that stdout holds results only."""

import sys
import time
from contextlib import contextmanager


class Failure(Exception):
    """Something that went wrong and that the user can understand; its text is shown without a traceback."""


class Interrupted(Exception):
    """The user pressed Ctrl-C, or somebody asked this process to end."""


def say(text=""):
    print(text, file=sys.stderr, flush=True)


def interject(text):
    """A line that stays, in the middle of a live one."""
    say(("\r\033[K" if is_interactive() else "") + text)


def is_interactive():
    return sys.stderr.isatty()


@contextmanager
def step(title):
    """Says what is being done and, when it is done, how long it took."""
    started = time.monotonic()
    with live_line() as line:
        line(f"  {title} …")
        yield line
        line(f"  {title}: {duration(time.monotonic() - started)}", final=True)


@contextmanager
def live_line():
    """A function that shows one line, rewritten in place on a terminal; elsewhere only the final text is printed."""
    shown = False

    def show(text, final=False):
        nonlocal shown
        if is_interactive():
            sys.stderr.write("\r\033[K" + text + ("\n" if final else ""))
            sys.stderr.flush()
            shown = not final
        elif final:
            say(text)

    try:
        yield show
    finally:
        if shown:
            sys.stderr.write("\n")
            sys.stderr.flush()


def duration(seconds):
    """`0.4 s`, `12 s`, `3 min 05 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def table(rows):
    """Rows of two columns, the first as wide as it needs to be."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in rows)


def bar(done, total, width=32):
    filled = width * done // total if total else 0
    return "█" * filled + "░" * (width - filled)


def wait_until(what, condition, seconds, interval=0.1):
    """Polls `condition` until it returns something true, and returns that; fails in words after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise Failure(f"{what} did not happen within {duration(seconds)}.")
        time.sleep(interval)
