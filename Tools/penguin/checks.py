"""What the compiler does not check: who may import whom, that every route has a way through the gateway and is described, and that
what is counted is documented."""

import json
import re
import subprocess

from penguin import observability, services
from penguin.openapi import Description
from penguin.layout import ROOT, SERVICES
from penguin.routes import RouteTable
from penguin.terminal import Failure

IMPORT = re.compile(
    r"^[ \t]*(?:@\w+[ \t]+)*(?:(?:public|package|internal|fileprivate|private)[ \t]+)?"
    r"import[ \t]+(?:(?:struct|class|enum|protocol|typealias|func|let|var)[ \t]+)?(\w+)",
    re.MULTILINE)
# Contracts is a leaf, so that editing a service never rebuilds another.
CONTRACTS_MAY_IMPORT = {"Foundation"}
# Asked by the gateway itself; nobody outside may ask it.
GATEWAY_ONLY = "/gateway/"


def boundaries():
    """Faults in who depends on whom: by the package's own description, and by every import in the sources."""
    description = json.loads(_output(["swift", "package", "describe", "--type", "json"]))
    modules = {service.capitalize() for service in SERVICES}
    faults = []
    for target in description["targets"]:
        others = (modules & set(target.get("target_dependencies", []))) - {target["name"], target["name"].removesuffix("Tests")}
        if target["name"] in modules | {"Contracts"} or target["path"].startswith("Shared/"):
            faults += [f"{target['name']} depends on the service {other}" for other in sorted(others)]
        if target["name"] == "Contracts" and (target.get("target_dependencies") or target.get("product_dependencies")):
            faults.append("Contracts depends on something")
    for folder in ("Services", "Shared"):
        for path in sorted((ROOT / folder).rglob("*.swift")):
            faults += import_faults(path.relative_to(ROOT), path.read_text(), modules)
    return faults


def import_faults(path, source, modules):
    """What one file must not import."""
    imported = set(IMPORT.findall(source))
    own = path.parts[1]
    foreign = imported & modules - {own}
    faults = [f"{path} imports the service {module}" for module in sorted(foreign)]
    if path.parts[:2] == ("Shared", "Contracts"):
        faults += [f"{path} imports {module}; Contracts may import Foundation only" for module in sorted(imported - CONTRACTS_MAY_IMPORT - foreign)]
    return faults


def routes():
    """Faults between the route table, the description of the API, and what the services really answer, which they say themselves."""
    table = RouteTable.load()
    answered = {service: _output([str(services.executable(service)), "--routes"]).split("\n") for service in SERVICES}
    description = Description.load(table=table)
    return route_faults(table, answered) + description.own_faults() + description.route_faults(answered)


def metrics():
    """Faults between what the services count, which they say themselves, and what is documented, alarmed and drawn."""
    return observability.faults({service: _output([str(services.executable(service)), "--metrics"]).split("\n") for service in SERVICES})


def route_faults(table, answered):
    """`answered`: service → lines such as `GET /api/v1/plans`."""
    faults, used = [], set()
    for service, lines in answered.items():
        for method, path in (line.split(" ", 1) for line in lines if line):
            route = table.route(path)
            if path.startswith(GATEWAY_ONLY):
                continue
            if route is None:
                faults.append(f"{service} answers {method} {path}, which no line of the route table covers")
            elif route.service != service:
                faults.append(f"{service} answers {method} {path}, but the route table leads it to {route.service}")
            elif route.methods and method not in route.methods:
                faults.append(f"{service} answers {method} {path}, but the line {route.path} takes only {', '.join(route.methods)}")
            else:
                used.add(route.path)
                if not route.live:
                    faults.append(f"{service} answers {method} {path}, but the line {route.path} is not marked as live")
    faults += [f"the line {route.path} is live, but {route.service} answers nothing there" for route in table.routes if route.live and route.path not in used]
    return faults


def _output(command):
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if result.returncode != 0:
        raise Failure(f"{' '.join(command)} failed: {result.stderr.strip()[-2000:]}")
    return result.stdout
