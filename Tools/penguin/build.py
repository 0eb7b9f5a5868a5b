"""Compiles the services, with the compiler's words only when somebody wants or needs them."""

import subprocess
import tempfile
import time

from penguin import sanitizers, services
from penguin.layout import ROOT
from penguin.terminal import Failure, duration, live_line


def build(*, tests=False, verbose=False, sanitizer=None):
    """One `swift build`; tests are always built for debugging, with a sanitizer in a folder of their own."""
    command = ["swift", "build"] + (["--build-tests"] if tests else ["-c", services.configuration()]) + sanitizers.arguments(sanitizer)
    started = time.monotonic()
    with live_line() as line, tempfile.TemporaryFile() as output:
        title = " ".join(command)
        process = subprocess.Popen(command, cwd=ROOT, stdout=None if verbose else output, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                line(f"  {title} … {duration(time.monotonic() - started)}")
                time.sleep(0.2)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        seconds = time.monotonic() - started
        line(f"  {title}: {duration(seconds)}", final=True)
        if process.returncode != 0:
            output.seek(0)
            raise Failure(f"The build failed.\n{_errors(output.read().decode(errors='replace'))}")


def _errors(text):
    """The lines that matter: from the first error on, at most two screens."""
    lines = text.splitlines()
    first = next((number for number, line in enumerate(lines) if "error:" in line), max(0, len(lines) - 40))
    return "\n".join(lines[first:][:80]) or "swift build said nothing."
