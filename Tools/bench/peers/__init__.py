"""Other people's queues, set up as their documentation says, to measure ours beside them."""

import subprocess
import sys

from penguin.layout import ROOT
from penguin.terminal import Failure, say

FOLDER = ROOT / ".build" / "bench-peers"
PACKAGES = ["celery==5.7.0", "redis==8.1.0", "psycopg[binary]==3.3.9", "pgqueuer==1.6.0", "asyncpg==0.32.0", "uvloop", "packaging"]


def python():
    """A Python that has them; made on first use."""
    program = FOLDER / "bin" / "python"
    mark = FOLDER / "installed"
    if not mark.exists() or mark.read_text() != "\n".join(PACKAGES):
        say("  Installing Celery and pgqueuer for the comparison …")
        for command in ([sys.executable, "-m", "venv", "--without-pip", str(FOLDER)], [*_pip(program), "install", "-q", *PACKAGES]):
            result = subprocess.run(command, capture_output=True, text=True)
            if result.returncode != 0:
                raise Failure(f"The peers could not be installed: {(result.stderr or result.stdout).strip()[-500:]}")
        mark.write_text("\n".join(PACKAGES))
    return str(program)


def _pip(program):
    # Debian's Python has no ensurepip; pip itself can install into another Python.
    return ["pip", "--python", str(program)]
