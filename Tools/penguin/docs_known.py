"""What the documents are compared with: the files of the tree, its tests, the settings that somebody reads, the routes that are described."""

import re
from functools import cached_property

from penguin.openapi import Description, operations
from penguin.routes import RouteTable

# Programs of others read these, or say them.
OTHERS = {
    "NILEDB_API_URL": "Nile's SDK", "NILEDB_USER": "Nile's SDK", "NILEDB_PASSWORD": "Nile's SDK", "POSTGRES_PASSWORD_FILE": "the image of Postgres",
    "POSTGRES_DB": "the image of Postgres", "COMPOSE_PROFILES": "docker compose",
}
# Answered by each service beside its public routes, for probes, peers and the gateway; and files of the gateway's own.
INTERNAL = {("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("POST", "/rpc"), ("GET", "/gateway/authenticate")}
FILES = {("GET", "/"), ("GET", "/api/v1/openapi.json"), ("GET", "/api/docs")}
# Not in the tree: what a reader makes by a command beside it.
MADE = ("deploy/kubernetes/secrets",)
FOLDERS = ("Services", "Shared", "Tests", "Tools", "Gateway", "Samples", "docs", "deploy", ".ci", ".github")
KEY = re.compile(r'ConfigurationKey\(\s*"((?:[^"\\]|\\\([^)]*\))+)"')
EVENT = re.compile(r'static let name = "([a-zA-Z.]+)"')
TYPE = re.compile(r"\b(?:struct|enum|class|actor|extension) (\w+)")
READ = (
    re.compile(r"environ(?:\.get\(|\[)\s*[\"']([A-Z0-9_]+)"), re.compile(r"environment\[\"([A-Z0-9_]+)\"\]"),
    re.compile(r"\$\{?([A-Z][A-Z0-9_]+)"), re.compile(r"^\s*(?:ARG|ENV) ([A-Z0-9_]+)", re.MULTILINE), re.compile(r"\"([A-Z0-9]+(?:_[A-Z0-9]+)+)\": "),
)


class Known:
    """Facts of one tree, read when they are first asked for."""

    def __init__(self, root):
        self.root = root

    # Files

    def looks_like_path(self, text):
        return re.match(r"(?:%s)/[^\s]*$" % "|".join(re.escape(name) for name in FOLDERS), text) is not None

    def has_path(self, text):
        pattern = _pattern(re.sub(r":\d+$", "", text).rstrip("/"))
        if any(pattern == made or pattern.startswith(made + "/") for made in MADE):
            return True
        return any(True for _ in self.root.glob(pattern))

    @cached_property
    def _files(self):
        return sorted({
            path.name for folder in FOLDERS if (self.root / folder).is_dir() for path in (self.root / folder).rglob("*") if path.is_file()
        } | {path.name for path in self.root.iterdir()})

    def has_file(self, name):
        expression = re.compile(re.escape(_pattern(name)).replace(r"\*", ".*") + "$")
        return any(expression.match(file) for file in self._files)

    # Tests

    @cached_property
    def _tests(self):
        """Type → the sources that declare it or add to it; a file is as good a name as the type in it."""
        found = {}
        for path in (self.root / "Tests").rglob("*.swift"):
            text = path.read_text()
            for name in {path.stem, *TYPE.findall(text)}:
                found.setdefault(name, []).append(text)
        return found

    def has_test(self, suite, function):
        if (self.root / "Tests" / suite).is_dir() and not function:
            return True
        return any(function is None or re.search(rf"\bfunc `?{function}\b", text) for text in self._tests.get(suite, []))

    def has_test_like(self, words):
        """As `swift test --filter` finds them: somewhere in the name of a target or a type."""
        folders = {path.name for path in (self.root / "Tests").rglob("*") if path.is_dir()}
        return any(words in name for name in folders | set(self._tests))

    # Settings

    @cached_property
    def _settings(self):
        """Names that somebody reads, as expressions: a part of some is put in by the program."""
        names = set(OTHERS)
        for folder in ("Services", "Shared"):
            for path in (self.root / folder).rglob("*.swift"):
                text = path.read_text()
                names |= {_expression(key) for key in KEY.findall(text)} | set(READ[1].findall(text))
        files = [self.root / name for name in ("docker-compose.yml", "Dockerfile", "penguin", ".ci/run")]
        files += [path for folder, ending in (("Tools", "py"), ("Tools", "sh"), ("Tests", "swift"), ("Tests", "py")) for path in (self.root / folder).rglob(f"*.{ending}")]
        for path in files:
            if path.exists():
                for expression in READ:
                    names |= set(expression.findall(path.read_text()))
        return re.compile("|".join(sorted(names)) or "(?!)")

    @cached_property
    def _keys(self):
        """The settings' own names, with dots."""
        paths = [path for folder in ("Services", "Shared") for path in (self.root / folder).rglob("*.swift")]
        return {key for path in paths for key in KEY.findall(path.read_text()) if "\\" not in key}

    @cached_property
    def _events(self):
        return {name for path in (self.root / "Shared" / "Contracts").rglob("*.swift") for name in EVENT.findall(path.read_text())}

    def may_be_key(self, name):
        """Whether it is a setting or an event, or begins as no setting does and so is something else."""
        if name in self._events:
            return True
        beginnings = {tuple(key.split(".")[:2]) for key in self._keys if key.count(".") > 1}
        return name in self._keys or tuple(name.split(".")[:2]) not in beginnings

    def has_setting(self, name):
        return self._settings.fullmatch(name) is not None

    # Routes

    @cached_property
    def _routes(self):
        table = RouteTable.load(self.root / "Gateway" / "routes.json")
        document = Description.load(self.root / "Gateway" / "OpenAPI", table).document
        described = {(method.upper(), path) for path, method, _ in operations(document)}
        return {(method, _segments(path)) for method, path in described | INTERNAL | FILES}

    def has_route(self, method, path):
        """Whether it is described. `…` stands for what the reader knows; a path that leaves out its beginning may begin anywhere; without a method
        it is enough that some path goes on so."""
        path = path.partition("?")[0]
        if path.startswith(("/v1/", "http")):
            # Stripe's.
            return True
        wanted = _segments(path.strip("…").rstrip("/"))
        for known_method, known in self._routes:
            if method and method != known_method and not (method == "HEAD" and known_method == "GET"):
                continue
            starts = [0] if path.startswith("/api/") else range(len(known) - len(wanted) + 1)
            for start in starts:
                part = known[start:start + len(wanted)]
                if len(part) == len(wanted) and all(_same(*pair, start > 0) for pair in zip(wanted, part)):
                    if method is None or path.endswith("…") or start + len(wanted) == len(known):
                        return True
        return False


def _pattern(text):
    """A name with holes, as glob has them: `<Service>`, `…` and * are holes."""
    return re.sub(r"<[^>]*>|…|\{[^}]*\}", "*", text)


def _expression(key):
    """The variable of a setting's name, with a hole where the program puts something in."""
    return "[A-Z0-9_]+".join(part.upper().replace(".", "_") for part in re.split(r"\\\([^)]*\)", key))


def _segments(path):
    return tuple(path.strip("/").split("/"))


def _same(wanted, known, literally):
    """Whether one part of a path can be the other: `{id}` stands for any, except for a word where the page leaves out what comes before."""
    return wanted == known or "…" in wanted or wanted.startswith(("{", "$", "<")) or (known.startswith("{") and not literally)
