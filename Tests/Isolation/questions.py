"""Every request that names something of another company, each beside the same request with an identifier that nobody has."""

import collections
import copy
import json
import urllib.parse
import uuid
from dataclasses import dataclass

from caller import Question
from identifiers import Secret, Unfound, fill, is_identifier
from penguin.openapi import operations

# Members of bodies and queries that name things: what list they stand for. A new one fails the test until it is here.
NAMES = {
    "workspace": "/api/v1/workspaces/{id}", "workspaces": "/api/v1/workspaces/{id}", "add_workspaces": "/api/v1/workspaces/{id}",
    "remove_workspaces": "/api/v1/workspaces/{id}", "template": "/api/v1/templates/{id}", "mailbox": "/api/v1/mailboxes/{id}",
    "mailboxes": "/api/v1/mailboxes/{id}", "list": "/api/v1/lists/{id}", "lead": "/api/v1/leads/{id}", "leads": "/api/v1/leads/{id}",
    "campaign": "/api/v1/campaigns/{id}", "audience": "/api/v1/lists/{id}", "value": "/api/v1/lists/{id}", "send": "/api/v1/sends/{id}",
    "user": "/api/v1/users/{id}", "assigned_to": "/api/v1/users/{id}", "to": "/api/v1/users/{id}", "tenant": "/api/v1/platform/admin/tenants/{id}",
}
# Of operations, by member: why no other company's thing can stand there.
NOT_A_NAME = {
    ("createImport", "id"): "the caller's own name for the import, so that it is not done twice",
    ("getInboxThread", "before"): "a message of the thread that the path names",
    ("replayWebhookDeliveries", "after"): "a message of the webhook that the path names",
    ("redriveAuditQuarantine", "after"): "a row of a list that only the operator's people see",
}


@dataclass(frozen=True)
class Pair:
    """A question about what is another company's, and the same about what nobody has."""

    operation: str
    title: str
    place: str
    foreign: Question
    unknown: Question


class Questions:
    """Makes the pairs of a document: `theirs` and `ours` are Identifiers of the company asked about and of the one that asks."""

    def __init__(self, document, theirs, ours, followed):
        self._document = document
        self._theirs = theirs
        self._ours = ours
        self._followed = followed
        # One for each member: what a request leaves behind with us is the same on both sides.
        self._nobodys = collections.defaultdict(fresh)
        self.unfound = []
        self.left_out = []

    def pairs(self):
        for path, method, operation in operations(self._document):
            if any("text/event-stream" in answer.get("content", {}) for answer in operation["responses"].values()):
                self.left_out.append(f"{method.upper()} {path}: a stream; what it may show is asked by its list")
                continue
            yield from self._of_path(path, method, operation)
            yield from self._of_query(path, method, operation)
            yield from self._of_body(path, method, operation)

    def _of_path(self, path, method, operation):
        if "{" not in path:
            return
        try:
            fillings = self._theirs.fillings(path)
        except Unfound as fault:
            self.unfound.append(f"{method.upper()} {fault}")
            return
        if isinstance(fillings, Secret):
            self.left_out.append(f"{method.upper()} {path}: {fillings}")
            return
        if not any(is_identifier(value) for value in fillings[0].values()):
            self.left_out.append(f"{method.upper()} {path}: it names no company's thing")
            return
        for body in self._bodies(operation):
            for filling in fillings:
                yield self._pair(path, method, operation, "path", filling, unknown(filling), body)
                own = self._own(path, filling)
                if own:
                    # What is ours leads to what is theirs.
                    yield self._pair(path, method, operation, "path, below our own", {**filling, **own}, {**unknown(filling), **own}, body)

    def _own(self, path, filling):
        """Our own things for all identifiers of the path but the last."""
        names = [name for name, value in filling.items() if is_identifier(value)]
        if len(names) < 2:
            return None
        try:
            ours = self._ours.fillings(path[:path.index("{" + names[-1] + "}")].rstrip("/"))
        except Unfound:
            return None
        return {name: ours[0][name] for name in names[:-1]}

    def _of_query(self, path, method, operation):
        for parameter in map(self._followed, operation.get("parameters", [])):
            name = parameter["name"]
            if parameter["in"] == "query" and _is_uuid(self._followed, parameter.get("schema", {})):
                for value in self._named(operation, name):
                    for filling in self._ours_of(path)[:1]:
                        body = next(iter(self._bodies(operation)))
                        yield self._pair(path, method, operation, f"?{name}", filling, filling, body, {name: value}, {name: self._nobodys[name]})

    def _of_body(self, path, method, operation):
        asked = set()
        for body in self._bodies(operation):
            for place, name in _places(body):
                values = self._named(operation, name)
                asked.add(name)
                for filling in self._ours_of(path)[:1] if values else []:
                    for value in values:
                        foreign, none = copy.deepcopy(body), copy.deepcopy(body)
                        _put(foreign, place, value)
                        _put(none, place, self._nobodys[name])
                        yield self._pair(path, method, operation, f"body {'.'.join(map(str, place))}", filling, filling, foreign, other=none)
        for name in self._uuid_members(operation) - asked:
            body = next(iter(self._bodies(operation)))
            if not isinstance(body, dict):
                continue
            for value in self._named(operation, name):
                for filling in self._ours_of(path)[:1]:
                    def made(one, is_list=name in ("workspaces", "mailboxes", "leads", "add_workspaces", "remove_workspaces")):
                        return {**body, name: [one] if is_list else one}
                    yield self._pair(path, method, operation, f"body {name}", filling, filling, made(value), other=made(self._nobodys[name]))

    def _ours_of(self, path):
        try:
            found = self._ours.fillings(path)
        except Unfound:
            found = None
        if found is None or isinstance(found, Secret):
            # We have none: then the path leads nowhere, for both.
            return [dict.fromkeys(_names(path), str(uuid.UUID(int=0)))]
        return found

    def _named(self, operation, name):
        """What of theirs stands for a member of a body or a query."""
        if (operation["operationId"], name) in NOT_A_NAME:
            return []
        if name not in NAMES:
            self.unfound.append(f"{operation['operationId']}: what does {name} name? Say so in Tests/Isolation/questions.py")
            return []
        fillings = self._theirs.fillings(NAMES[name])
        return [filling["id"] for filling in fillings[:1]]

    def _bodies(self, operation):
        """What the description shows, with our own things where it names some."""
        contents = self._followed(operation.get("requestBody", {})).get("content", {})
        bodies = []
        for kind, content in contents.items():
            shown = [content["example"]] if "example" in content else [one["value"] for one in content.get("examples", {}).values()]
            if kind == "application/json":
                bodies += [self._with_ours(one) for one in shown]
            elif kind.startswith("text/") and "application/json" not in contents:
                bodies += [(kind, one) for one in shown[:1]]
        return bodies or [None]

    def _with_ours(self, body):
        body = copy.deepcopy(body)
        for place, name in _places(body):
            if name in NAMES:
                try:
                    _put(body, place, self._ours.fillings(NAMES[name])[0]["id"])
                except Unfound:
                    pass
        return body

    def _uuid_members(self, operation):
        """Members at the top of a body that are identifiers by their schema."""
        content = self._followed(operation.get("requestBody", {})).get("content", {}).get("application/json", {})
        properties = self._followed(content.get("schema", {})).get("properties", {})
        return {
            name for name, schema in properties.items()
            if _is_uuid(self._followed, schema) or _is_uuid(self._followed, self._followed(schema).get("items", {}))}

    def _pair(self, path, method, operation, place, theirs, nobodys, body, query=None, unknown_query=None, other=None):
        needed, headers = {}, {}
        for parameter in map(self._followed, operation.get("parameters", [])):
            if parameter.get("required") and parameter["in"] == "query":
                needed[parameter["name"]] = self._ours.fillings(NAMES["workspace"])[0]["id"] if parameter["name"] == "workspace" else parameter.get("example")
            if parameter.get("required") and parameter["in"] == "header":
                headers[parameter["name"]] = str(parameter.get("example"))
        def question(filling, body, query):
            parameters = urllib.parse.urlencode({**needed, **(query or {})})
            kind, content = body if isinstance(body, tuple) else ("application/json", json.dumps(body) if body is not None else None)
            sent = {**headers, **({"Content-Type": kind} if content is not None else {})}
            return Question(
                method.upper(), fill(path, filling) + (f"?{parameters}" if parameters else ""), content.encode() if content is not None else None, tuple(sent.items()))
        return Pair(
            operation["operationId"], f"{method.upper()} {path} ({place})", place, question(theirs, body, query),
            question(nobodys, body if other is None else other, unknown_query))


def fresh():
    """An identifier that nobody has."""
    return str(uuid.uuid4())


def unknown(filling):
    return {name: fresh() if is_identifier(value) else value for name, value in filling.items()}


def _names(path):
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def _is_uuid(followed, schema):
    schema = followed(schema)
    return schema.get("format") == "uuid" or any(_is_uuid(followed, one) for key in ("anyOf", "oneOf") for one in schema.get(key, []))


def _places(value, place=(), name=None):
    """Where identifiers stand in a body, each with the member that says what it names."""
    if isinstance(value, dict):
        for key, member in value.items():
            # `{"audience": {"kind": …, "id": …}}` names what stands around it.
            yield from _places(member, (*place, key), name if key == "id" and name else key)
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from _places(member, (*place, number), name)
    elif is_identifier(value):
        yield place, name


def _put(value, place, new):
    for step in place[:-1]:
        value = value[step]
    value[place[-1]] = new
