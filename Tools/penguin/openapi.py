"""The machine-readable description of the public API: merged from Gateway/OpenAPI, and compared with what the services answer."""

import json
import re
import sys
from datetime import datetime
from pathlib import Path

from penguin.layout import ROOT
from penguin.routes import RouteTable
from penguin.terminal import Failure

FOLDER = ROOT / "Gateway" / "OpenAPI"
METHODS = ("get", "head", "options", "post", "put", "patch", "delete")
SAFE = ("get", "head", "options")
# What API keys may be given (ApiScope in Auth); no key reaches Auth, the platform's own routes or a stream.
SCOPES = ("audit:read", "billing:read", "campaigns:read", "campaigns:write", "delivery:read", "delivery:write")
FOR_STAFF = ("/api/v1/platform/", "/api/v1/queue")
# What the gateway answers before a service is asked.
BEHIND_SESSION = {"401": "Unauthorized", "403": "Forbidden", "429": "TooMany", "503": "Unavailable"}
WITH_JSON = {"400": "BadRequest", "413": "TooLarge", "415": "UnsupportedMediaType"}
PARAMETER = re.compile(r"\{([a-z_]+)\}")
OPERATION_ID = re.compile(r"[a-z][A-Za-z0-9]*$")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
EXAMPLE_JSON = re.compile(r"application/(?:[a-z.+-]+\+)?json\b")


class Description:
    """The whole document, and what was wrong with the parts that it was made from."""

    def __init__(self, document, faults):
        self.document = document
        self.faults = faults

    @classmethod
    def load(cls, folder=FOLDER, table=None):
        """Merges `api.json` and the services' files; the result depends on nothing but what they say."""
        document, faults = _read(folder / "api.json"), []
        document.setdefault("paths", {})
        for path in sorted(folder.glob("*/*.json")):
            name = path.relative_to(folder)
            part = _read(path)
            faults += [f"{name} has a member {key}, which nobody reads" for key in sorted(set(part) - {"tags", "paths", "components"})]
            for tag in part.get("tags", []):
                if tag["name"] in (known["name"] for known in document["tags"]):
                    faults.append(f"{name} describes the tag {tag['name']} again")
                else:
                    document["tags"].append(tag)
            for place, item in part.get("paths", {}).items():
                faults += _put(document["paths"].setdefault(place, {}), _shared(item), f"{name}: {place}")
            for section, members in part.get("components", {}).items():
                faults += _put(document["components"].setdefault(section, {}), members, f"{name}: {section}")
        document["paths"] = {
            path: {key: item[key] for key in sorted(item, key=lambda key: (METHODS.index(key) if key in METHODS else -1, key))}
            for path, item in sorted(document["paths"].items())
        }
        document["components"] = {section: dict(sorted(members.items())) for section, members in sorted(document["components"].items())}
        used = {tag for _, _, operation in operations(document) for tag in operation.get("tags", [])}
        document["tags"] = [tag for tag in document["tags"] if tag["name"] in used]
        faults += _complete(document, table or RouteTable.load())
        return cls(document, faults)

    def text(self, indent=None):
        separators = (",", ":") if indent is None else None
        return json.dumps(self.document, indent=indent, ensure_ascii=False, separators=separators) + "\n"

    def own_faults(self):
        """What is wrong with the description, whatever the services answer."""
        return self.faults + _Check(self.document).faults()

    def route_faults(self, answered):
        """What is described and not answered, or the other way round. `answered`: service → lines such as `GET /api/v1/plans`."""
        described = {f"{method.upper()} {path}" for path, method, _ in operations(self.document)}
        lines = {line for lines in answered.values() for line in lines if line and not line.startswith("HEAD ") and " /gateway/" not in line}
        return [f"{line} is answered, but not described in Gateway/OpenAPI" for line in sorted(lines - described)] + [
            f"{line} is described in Gateway/OpenAPI, but nobody answers it" for line in sorted(described - lines)
        ]


def run(options):
    """./penguin openapi"""
    description = Description.load()
    faults = description.own_faults()
    if faults:
        raise Failure("The description is not right:\n" + "\n".join(f"  {fault}" for fault in faults))
    text = description.text(indent=2)
    if options.output:
        Path(options.output).write_text(text)
    else:
        sys.stdout.write(text)
    return 0


def _read(path):
    def unique(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} stands twice in one object")
        return dict(pairs)

    try:
        return json.loads(path.read_text(), object_pairs_hook=unique)
    except (OSError, ValueError) as error:
        raise Failure(f"{path} is not a part of the API's description: {error}") from None


def _put(target, members, place):
    faults = [f"{place} {name} is described a second time" for name in members if name in target]
    for name, value in members.items():
        target.setdefault(name, value)
    return faults


def _shared(item):
    """The operations of a path, each with the parameters that the path says for all of them."""
    parameters = item.get("parameters", [])
    return {
        method: {**operation, "parameters": parameters + operation.get("parameters", [])} if parameters and method in METHODS else operation
        for method, operation in item.items() if method != "parameters"
    }


def operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation


def _complete(document, table):
    """Adds what the route table knows: what the gateway itself answers, and who may pass it."""
    faults = []
    for path, method, operation in operations(document):
        route = table.route(path)
        if route is None:
            faults.append(f"{method.upper()} {path}: no line of the route table covers it")
            continue
        answers = operation.setdefault("responses", {})
        if route.auth == "session":
            operation.setdefault("security", _security(path, method, route.service, operation))
            _answer(answers, BEHIND_SESSION)
        elif route.auth == "none":
            operation.setdefault("security", [])
        elif "security" not in operation:
            faults.append(f"{method.upper()} {path} is public for the gateway: it must say which security it needs itself")
        if route.rate:
            _answer(answers, {"429": "TooMany"})
        content = operation.get("requestBody", {}).get("content", {})
        if content:
            _answer(answers, {"413": "TooLarge"})
        if any(EXAMPLE_JSON.match(kind) for kind in content):
            _answer(answers, WITH_JSON)
        answers.setdefault("default", {"$ref": "#/components/responses/Problem"})
        operation["responses"] = {status: answers[status] for status in sorted(answers, key=lambda status: (status == "default", status))}
    return faults


def _answer(answers, known):
    for status, name in known.items():
        answers.setdefault(status, {"$ref": f"#/components/responses/{name}"})


def _security(path, method, service, operation):
    session = {"Session": []} if method in SAFE else {"Session": [], "CSRF": []}
    scopes = [f"{service}:read", f"{service}:write"] if method in SAFE else [f"{service}:write"]
    # Writing includes reading, so the lesser one is enough.
    scope = next((scope for scope in scopes if scope in SCOPES), None)
    is_stream = any("text/event-stream" in answer.get("content", {}) for answer in operation["responses"].values())
    is_for_programs = scope and not is_stream and not path.startswith(FOR_STAFF)
    return [session] + ([{"ApiKey": [scope]}] if is_for_programs else [])


class _Check:
    """Looks through one merged document."""

    def __init__(self, document):
        # Only ./penguin test needs it; whoever serves the description does not check it.
        try:
            import jsonschema
        except ImportError:
            raise Failure("The package python3-jsonschema is missing; ./penguin openapi installs it.") from None
        self._document = document
        self._validator = jsonschema.Draft202012Validator
        self._formats = jsonschema.FormatChecker()
        self._formats.checks("date-time")(lambda value: not isinstance(value, str) or _is_instant(value))
        self._schema_error = jsonschema.SchemaError
        self._faults = []

    def faults(self):
        self._references(self._document, "")
        if self._faults:
            # Whoever follows a reference that leads nowhere falls over it.
            return self._faults
        schemas = self._document["components"].get("schemas", {})
        if not all([self._is_schema(f"the schema {name}", schema) for name, schema in schemas.items()]):
            return self._faults
        seen, tags = {}, {tag["name"] for tag in self._document["tags"]}
        for path, method, operation in operations(self._document):
            place = f"{method.upper()} {path}"
            self._operation(place, path, operation, tags)
            name = operation.get("operationId", "")
            if name in seen:
                self._say(place, f"its operationId {name} is also that of {seen[name]}")
            seen[name] = place
        for name, schema in schemas.items():
            self._own_examples(f"the schema {name}", schema)
        for name, answer in self._document["components"].get("responses", {}).items():
            self._contents(f"the response {name}", answer.get("content", {}), must=False)
        self._unused()
        return self._faults

    def _say(self, place, words):
        self._faults.append(f"{place}: {words}")

    def _references(self, value, place):
        if isinstance(value, dict):
            target = value.get("$ref")
            if isinstance(target, str) and self._resolve(target) is None:
                self._say(place or "the document", f"{target} leads nowhere")
            for key, member in value.items():
                if key not in ("example", "examples"):
                    self._references(member, f"{place}/{key}")
        elif isinstance(value, list):
            for number, member in enumerate(value):
                self._references(member, f"{place}/{number}")

    def _resolve(self, target):
        if not target.startswith("#/"):
            return None
        value = self._document
        for step in target[2:].split("/"):
            value = value.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(value, dict) else None
        return value

    def _followed(self, value):
        while "$ref" in value:
            value = self._resolve(value["$ref"])
        return value

    def _operation(self, place, path, operation, tags):
        if not operation.get("summary") or "\n" in operation["summary"]:
            self._say(place, "it has no summary of one line")
        if not OPERATION_ID.match(operation.get("operationId", "")):
            self._say(place, "it has no operationId in camel case")
        if len(operation.get("tags", [])) != 1 or operation["tags"][0] not in tags:
            self._say(place, "it must have one tag, which is described")
        self._parameters(place, path, operation)
        if "requestBody" in operation:
            self._contents(f"{place}, the body", self._followed(operation["requestBody"]).get("content", {}), must=True)
        answers = operation.get("responses", {})
        if not any(status[0] in "123" for status in answers) and not operation.get("deprecated"):
            self._say(place, "it has no answer that is not a failure")
        for status, answer in answers.items():
            if not re.match(r"[1-5](\d\d|XX)$|default$", status):
                self._say(place, f"{status} is no status")
            if "$ref" in answer:
                continue
            if not answer.get("description"):
                self._say(place, f"its answer {status} has no description")
            self._contents(f"{place}, {status}", answer.get("content", {}), must=status[0] == "2")
            for name, header in answer.get("headers", {}).items():
                self._value(f"{place}, {status}, {name}", self._followed(header))

    def _parameters(self, place, path, operation):
        seen = set()
        for parameter in map(self._followed, operation.get("parameters", [])):
            key = (parameter.get("in"), parameter.get("name"))
            if key in seen or key[0] not in ("query", "header", "path", "cookie"):
                self._say(place, f"its parameter {key[1]} is there twice or nowhere")
            seen.add(key)
            if not parameter.get("description") and parameter["in"] != "path":
                self._say(place, f"its parameter {key[1]} has no description")
            self._value(f"{place}, {key[1]}", parameter)
            if parameter["in"] == "path" and not parameter.get("required"):
                self._say(place, f"its parameter {key[1]} must be required")
        named, told = set(PARAMETER.findall(path)), {name for where, name in seen if where == "path"}
        if named != told:
            self._say(place, f"its path has the parameters {', '.join(sorted(named)) or '(none)'}, described are {', '.join(sorted(told)) or '(none)'}")

    def _value(self, place, thing):
        """A parameter or header: its schema, and its example if it has one."""
        schema = thing.get("schema")
        if schema is None and "content" not in thing:
            self._say(place, "it has no schema")
            return
        if schema is None:
            self._contents(place, thing["content"], must=False)
            return
        if self._is_schema(place, schema):
            self._own_examples(place, schema)
            for example in _examples(thing):
                self._fits(place, example, schema)

    def _contents(self, place, contents, must):
        for kind, content in contents.items():
            if "schema" not in content:
                self._say(place, f"{kind} has no schema")
                continue
            if not self._is_schema(f"{place}, {kind}", content["schema"]):
                continue
            examples = list(_examples(content))
            if must and not examples and EXAMPLE_JSON.match(kind):
                self._say(place, f"{kind} has no example")
            for example in examples:
                self._fits(f"{place}, {kind}", example, content["schema"])

    def _is_schema(self, place, schema):
        try:
            self._validator.check_schema(schema)
        except self._schema_error as error:
            self._say(place, f"its schema is none: {error.message}")
            return False
        return True

    def _own_examples(self, place, schema):
        for example in schema.get("examples", []) if isinstance(schema, dict) else []:
            self._fits(place, example, schema)

    def _fits(self, place, example, schema):
        whole = {**schema, "components": self._document["components"]} if isinstance(schema, dict) else schema
        for error in self._validator(whole, format_checker=self._formats).iter_errors(example):
            where = "/".join(map(str, error.absolute_path))
            self._say(place, f"its example does not fit{f' at {where}' if where else ''}: {error.message[:200]}")

    def _unused(self):
        words = json.dumps(self._document)
        for name in self._document["components"].get("schemas", {}):
            if f'"#/components/schemas/{name}"' not in words:
                self._say(f"the schema {name}", "nothing refers to it")


def _examples(thing):
    if "example" in thing:
        yield thing["example"]
    for example in thing.get("examples", {}).values():
        if "value" in example:
            yield example["value"]


def _is_instant(text):
    if not INSTANT.match(text):
        return False
    try:
        datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00"))
    except ValueError:
        return False
    return True
