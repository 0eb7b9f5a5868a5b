"""The one route table: read, checked for its own sense, and asked which line a path belongs to."""

import json
import re
from dataclasses import dataclass
from typing import Optional, Tuple

from penguin.layout import ROOT, SERVICES
from penguin.terminal import Failure

TABLE = ROOT / "Gateway" / "routes.json"
PATH = re.compile(r"(/[A-Za-z0-9._-]+|/\{[a-z_]+\})+/?$")
SIZE = re.compile(r"[0-9]+[km]?$")


@dataclass(frozen=True)
class Route:
    """One line of the table; what each member means stands at the head of the table itself."""

    path: str
    service: str
    auth: str
    body: str = "256k"
    methods: Tuple[str, ...] = ()
    request_buffering: bool = True
    response_buffering: bool = True
    seconds: int = 60
    rate: Optional[str] = None
    log: str = "full"
    tracking: bool = False
    plain: bool = False
    live: bool = False

    @property
    def has_parameters(self):
        return "{" in self.path

    @property
    def expression(self):
        """A regular expression for the path and what is below it, in the dialect that Python and nginx share."""
        inner = re.sub(r"\\\{[a-z_]+\\\}", "[^/]+", re.escape(self.path.rstrip("/")))
        return f"^{inner}/" if self.path.endswith("/") else f"^{inner}(/|$)"

    def covers(self, path):
        return re.match(self.expression, path) is not None


@dataclass(frozen=True)
class RateZone:
    rate: str
    burst: int
    about: str


class RouteTable:
    def __init__(self, document):
        self.zones = {name: RateZone(**zone) for name, zone in document["rate_zones"].items()}
        self.routes = [Route(**{**line, "methods": tuple(line.get("methods", ()))}) for line in document["routes"]]
        self._check()

    @classmethod
    def load(cls, path=TABLE):
        try:
            return cls(json.loads(path.read_text()))
        except (ValueError, TypeError, KeyError) as error:
            raise Failure(f"{path} is not a route table: {error}") from None

    def route(self, path):
        """The line that nginx would choose: one with parameters before plain ones, then the longest; None when no line covers it."""
        covering = [route for route in self.routes if route.covers(path)]
        return max(covering, key=lambda route: (route.has_parameters, len(route.path)), default=None)

    def _check(self):
        seen = set()
        for route in self.routes:
            faults = [
                (PATH.match(route.path) is None, "its path is not one"),
                (route.path.rstrip("/") in seen, "its path is there twice"),
                (route.path.startswith("/gateway"), "/gateway is the gateway's own"),
                (route.service not in SERVICES, f"there is no service {route.service}"),
                (route.auth not in ("session", "public", "none"), "auth must be session, public or none"),
                (SIZE.match(route.body) is None, "body must be a size such as 64k or 2m"),
                (route.log not in ("full", "anonymous"), "log must be full or anonymous"),
                ((route.tracking or route.plain) and (route.auth != "none" or route.has_parameters), "under other names only paths of nobody in particular are served"),
                (route.rate is not None and route.rate not in self.zones, f"there is no rate zone {route.rate}"),
            ]
            for wrong, reason in faults:
                if wrong:
                    raise Failure(f"Gateway/routes.json, {route.path}: {reason}.")
            seen.add(route.path.rstrip("/"))
