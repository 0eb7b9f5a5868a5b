"""Which identifiers a path can name: found in a company's own lists, as the description leads to them.

`/api/v1/lists/{id}/leads` needs what `GET /api/v1/lists` answers. Where there is no such list, ELSEWHERE says where to look, or why there is nothing
to find. A new route with a list before it needs no line here; any other fails the test until it has one.
"""

import json
import re

from caller import UUID

PARAMETER = re.compile(r"\{(\w+)\}")
AT_MOST = 3
STAFF = ("/api/v1/platform/", "/api/v1/queue/")


class Secret(str):
    """Why a parameter is no company's identifier: whoever knows it may use it, or it names something of the platform."""


def _query(text):
    return lambda company: [value.lower() for value in company.rows(text)]


SENDS = _query("select id from delivery.sends where tenant_id = '{tenant}' order by id limit 3")
JOBS = _query("select id from delivery.jobs where tenant_id = '{tenant}' order by id limit 3")
LINK = Secret("a link of a mail: whoever has it may follow it")
NAMED = Secret("a name that the platform gives, not a company")

ELSEWHERE = {
    ("/.well-known/acme-challenge", "token"): Secret("asked by certificate authorities"),
    ("/api/v1/audit/downloads", "token"): Secret("a link that opens one download for whoever has it"),
    ("/api/v1/auth/openid", "provider"): NAMED,
    ("/t/c", "token"): LINK,
    ("/t/o", "token"): LINK,
    ("/u", "token"): LINK,
    ("/v2/databases", "db"): lambda _: ["penguinmails"],
    ("/api/tenants/{id}/invite", "iid"): lambda company: [one["id"] for one in company.api.get("/api/v1/invitations")["data"]],
    ("/api/users", "id"): lambda company: [company.user],
    ("/api/v1/campaigns/{id}/leads", "lead"): _query("select id from campaigns.leads where tenant_id = '{tenant}' order by id limit 3"),
    ("/api/v1/leads/erasures", "id"): _query("select id from campaigns.erasures where tenant_id = '{tenant}'"),
    ("/api/v1/sends", "id"): SENDS,
    ("/api/v1/tracking/sends", "id"): SENDS,
    # What only the operator's people may ask at all.
    ("/api/v1/platform/admin/audit-events/quarantine", "id"): NAMED,
    ("/api/v1/platform/admin/status/incidents", "id"): NAMED,
    ("/api/v1/platform/admin/status/maintenances", "id"): NAMED,
    ("/api/v1/platform/admin/tenants", "id"): lambda company: [company.tenant],
    ("/api/v1/platform/admin/tenants/{id}/features", "name"): lambda _: ["beta"],
    ("/api/v1/platform/admin/users", "id"): lambda company: [company.user],
    ("/api/v1/platform/finance/packs", "code"): NAMED,
    ("/api/v1/platform/finance/plans", "code"): NAMED,
    ("/api/v1/platform/finance/tenants", "tenant"): lambda company: [company.tenant],
    ("/api/v1/platform/finance/tenants/{tenant}/grants", "id"): _query("select id from billing.access_grants where tenant_id = '{tenant}'"),
    ("/api/v1/platform/finance/webhooks/events", "id"): NAMED,
    ("/api/v1/platform/system/queues", "name"): lambda _: ["email-sending"],
    ("/api/v1/platform/system/queues/{name}/jobs", "id"): JOBS,
    ("/api/v1/platform/system/suppressions", "id"): NAMED,
    ("/api/v1/platform/system/tls-reports", "domain"): NAMED,
    ("/api/v1/platform/system/warmup-strategies", "name"): NAMED,
    ("/api/v1/queue/queues", "name"): lambda _: ["email-sending"],
    ("/api/v1/queue/queues/{name}/jobs", "id"): JOBS,
}


class Unfound(Exception):
    """Nothing says what a parameter could be."""


class Identifiers:
    """What one company has, by the paths that name it."""

    def __init__(self, document, company):
        self._document = document
        self._company = company
        self._known = {}

    def fillings(self, path):
        """What the parameters of a path may be: things that belong together. A `Secret` instead, where they are no company's."""
        found = list(PARAMETER.finditer(path))
        if not found:
            return [{}]
        last = found[-1]
        prefix, name = path[:last.start()].rstrip("/"), last.group(1)
        parents = self.fillings(prefix)
        if isinstance(parents, Secret):
            return parents
        filled = []
        for parent in parents[:AT_MOST]:
            values = self._values(prefix, name, parent)
            if isinstance(values, Secret):
                return values
            filled += [{**parent, name: value} for value in values]
        if not filled:
            raise Unfound(f"{path}: the company has nothing that {{{name}}} could be")
        return filled

    def _values(self, prefix, name, parent):
        place = _single(prefix)
        if (place, name) in ELSEWHERE:
            source = ELSEWHERE[place, name]
            return source if isinstance(source, Secret) else source(self._company)[:AT_MOST]
        operation = self._document["paths"].get(prefix, {}).get("get")
        if operation is None:
            raise Unfound(f"{prefix}/{{{name}}}: nothing lists what {{{name}}} could be; say so in Tests/Isolation/identifiers.py")
        key = fill(prefix, parent)
        if key not in self._known:
            needed = {one["name"] for one in map(self.followed, operation.get("parameters", [])) if one["in"] == "query" and one.get("required")}
            if needed - {"workspace"}:
                raise Unfound(f"{prefix} wants {', '.join(sorted(needed))}")
            self._known[key] = _rows(self._company.api.get(key, **({"workspace": self._company.workspace} if needed else {})))
        return [_identifier(row, name, prefix) for row in self._known[key]][:AT_MOST]

    def followed(self, value):
        while "$ref" in value:
            target = value["$ref"]
            value = self._document
            for step in target[2:].split("/"):
                value = value[step]
        return value


def fill(path, values):
    return PARAMETER.sub(lambda found: str(values[found.group(1)]), path)


def _single(path):
    """Nile's routes are there twice: once under the name of a database."""
    return re.sub(r"^/v2/databases/\{db\}", "/api", path)


def _rows(answer):
    if isinstance(answer, list):
        return answer
    return next((value for value in answer.values() if isinstance(value, list)), [])


def _identifier(row, name, prefix):
    if isinstance(row, dict):
        for member in (name, "id", prefix.rpartition("/")[2].rstrip("s"), "user"):
            if member in row:
                return row[member]
    raise Unfound(f"{prefix}: no member of {json.dumps(row)[:200]} is what {{{name}}} names")


def is_identifier(value):
    return isinstance(value, str) and UUID.fullmatch(value) is not None
