"""What the gateway itself answers when a request goes no further: the same problem details that the services give."""

import json
from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Problem:
    status: int
    kind: str
    title: str
    detail: Optional[str] = None
    retry_after: Optional[int] = None

    def returned(self):
        """nginx directives that answer with this problem."""
        members = {"type": f"/problems/{self.kind}", "title": self.title, "status": self.status}
        if self.detail:
            members["detail"] = self.detail
        members["request_id"] = "$request_id"
        wait = [f"set $retry_after {self.retry_after};"] if self.retry_after else []
        return wait + [f"return {self.status} '{json.dumps(members)}';"]


UNAVAILABLE = Problem(
    503, "unavailable", "This part of the service is not available at the moment.", "Nothing was lost; try again in 2 seconds.", retry_after=2)
FORBIDDEN = Problem(403, "forbidden", "You may not do this.")
RATE_LIMITED = Problem(429, "rate_limited", "Too many requests.", "Wait a moment and try again.", retry_after=2)

# The names of the template's error_page directives.
LOCATIONS = {
    "bad_request": Problem(400, "invalid_request", "The request is not valid."),
    "not_encrypted": Problem(400, "invalid_request", "The request is not valid.", "This port speaks HTTPS."),
    "not_found": Problem(404, "not_found", "There is no such page."),
    "method_not_allowed": Problem(405, "method_not_allowed", "This path does not take that method."),
    "too_slow": Problem(408, "timeout", "The request did not arrive in time."),
    "too_large": Problem(413, "too_large", "The request is too large."),
    "rate_limited": RATE_LIMITED,
    "bad_gateway": Problem(502, "bad_gateway", "The service that should answer is not there.", "Try again in 2 seconds.", retry_after=2),
    "unavailable": UNAVAILABLE,
    "gateway_timeout": Problem(504, "gateway_timeout", "The service did not answer in time."),
}

# An address that was not read to its end: the template's one error_page with a path, since named locations take a read address only.
TOO_LONG = Problem(414, "address_too_long", "The address is too long.", "The gateway takes 32 KB of address and query.")

# Auth can refuse with one status only, so it says in X-Auth-Problem what it means.
REFUSALS = {
    "unauthenticated": Problem(401, "unauthenticated", "Sign in first."),
    "csrf_origin": Problem(403, "csrf_origin", "The request comes from another site."),
    "csrf_token": Problem(
        403, "csrf_token", "The request lacks a valid CSRF token.",
        "GET /api/v1/auth/csrf and send the token as X-CSRF-Token; there is a new one after every change of the session."),
    "rate_limited": RATE_LIMITED,
    "unavailable": UNAVAILABLE,
}


def locations():
    """The locations that answer with problems, as lines of the server block."""
    blocks = [_location(f"@{name}", problem.returned()) for name, problem in LOCATIONS.items()]
    blocks.append(_location("= /gateway/too-long", ["internal;", *TOO_LONG.returned()]))
    choices = []
    for word, problem in REFUSALS.items():
        choices += [f"if ($auth_problem = {word}) {{", *["    " + line for line in problem.returned()], "}"]
    return "\n".join(blocks + [_location("@refused", choices + FORBIDDEN.returned())])


def _location(name, lines):
    # Without types nginx would name the body after the ending of the path that was asked for.
    head = ["types { }", "default_type application/problem+json;", "set $problem_cache no-store;"]
    return "\n".join(["        location %s {" % name, *["            " + line for line in head + lines], "        }"])
