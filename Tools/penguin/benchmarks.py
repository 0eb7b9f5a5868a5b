"""./penguin bench: the one door to all benchmarks."""

import importlib
import json
import pkgutil

import bench
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


def _words(result):
    return f"{result['name']}: {result['value']} {result['unit']}, beside {result['beside']}: {result['ratio']} times as much"
