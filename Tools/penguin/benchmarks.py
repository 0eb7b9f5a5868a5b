"""./penguin bench: the one door to all benchmarks."""

import importlib
import json
import os
import pkgutil
import tempfile
from contextlib import contextmanager

import bench
from penguin import demo, services
from penguin.layout import Layout
from penguin.terminal import Failure, say


def run(options):
    names = sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if not module.ispkg)
    if options.name and options.name not in names:
        raise Failure(f"There is no benchmark {options.name}; there is {', '.join(names)}.")
    for name in [options.name] if options.name else names:
        module = importlib.import_module(f"bench.{name}")
        say(f"  {name}: {module.__doc__.splitlines()[0]}")
        for result in module.run(options):
            print(json.dumps(result) if options.json else _words(result), flush=True)


@contextmanager
def own_stack(options):
    """A stack in a folder of its own and that folder's layout, for as long as something is measured."""
    if services.configuration() != "release":
        say("  This measures a debug build; PENGUIN_CONFIGURATION=release ./penguin bench measures what would be deployed.")
    with tempfile.TemporaryDirectory(prefix="penguin-bench-") as folder:
        os.environ["PENGUIN_LOCAL"] = folder
        layout = Layout()
        stack = demo.running_stack(layout, options.no_build)
        try:
            yield stack, layout
        finally:
            stack.stop()


def _words(result):
    return f"{result['name']}: {result['value']} {result['unit']}, beside {result['beside']}: {result['ratio']} times as much"
