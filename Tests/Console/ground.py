"""The ground on which tests stand that look from outside: a stack, where its mails land, how its database is asked.

PENGUIN_CONSOLE_STACK names a file with `url`, `ca`, `ports`, `maildir`, `secrets`, `zone` of a stack that is up already, and PENGUIN_CONSOLE_URL another
gateway in front of it; without them a stack of its own is started and ended.
"""

import atexit
import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Behind our own: the tools have a package `bench`, too.
sys.path.append(str(ROOT / "Tools"))

from penguin.layout import Layout, read_json  # noqa: E402
from penguin.postgres import psql_command, psql_environment  # noqa: E402
from penguin.stack import RunningStack  # noqa: E402
from provider import Provider  # noqa: E402


class Ground:
    """The stack: where it answers, where its mails land, how its database is asked."""

    def __init__(self):
        given = os.environ.get("PENGUIN_CONSOLE_STACK")
        # A stack that is up already knows no provider of ours.
        self.provider = None if given else Provider()
        if given:
            facts = json.loads(Path(given).read_text())
            self.authority = Path(facts["ca"])
            self.layout = Layout(self.authority.parent)
            self.stack = RunningStack.find(self.layout)
        else:
            folder = ROOT / ".local" / "console" / "stack"
            shutil.rmtree(folder, ignore_errors=True)
            # The stack's keeper is a process of its own and looks there, too.
            os.environ.update(PENGUIN_LOCAL=str(folder), **self.provider.settings())
            self.layout = Layout()
            stack = RunningStack.start(self.layout, detached=False)
            atexit.register(stack.stop)
            self.authority, facts = self.layout.authority, stack.facts
            self.stack = stack
        self.ports = facts["ports"]
        self.url = os.environ.get("PENGUIN_CONSOLE_URL") or facts["url"]
        self.secrets = read_json(self.layout.secrets)

    def sql(self, statement):
        """Runs a statement as superuser; returns the lines of its answer."""
        command = psql_command(self.ports["postgres"], "postgres") + ["-qAtX", "-v", "ON_ERROR_STOP=1", "-c", statement]
        return subprocess.run(command, env=psql_environment(self.secrets["postgres"]), capture_output=True, text=True, check=True).stdout.splitlines()


@cache
def ground():
    return Ground()
