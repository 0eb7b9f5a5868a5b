"""What the trail's key signed (C2SP signed notes): checkpoints, prunings, manifests of exports. Each is read in one way only."""

import base64
import hashlib
import re

from penguin.audit_ed25519 import verify
from penguin.audit_findings import Incomplete
from penguin.audit_json import Malformed, load

MOST_SIGNATURES = 64
NUMBER = "(0|[1-9][0-9]{0,18})"
UUID = "([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_MONTH = "([0-9]{4}-[0-9]{2}-01)"
_INSTANT = r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,18}Z)"
_ROOT = "([A-Za-z0-9+/]{43}=)"


class BadNote(Exception):
    """A signed note that says nothing: malformed, or signed by nobody we know."""


class Note:
    """A signed note whose signature holds for one of the keys; `signer` is that key's name."""

    def __init__(self, note, keys):
        if not isinstance(note, str):
            raise BadNote("it is no text")
        text, gap, signatures = note.rpartition("\n\n")
        if not gap:
            raise BadNote("it has no signatures")
        self.text, self.signer = text + "\n", None
        try:
            message = self.text.encode()
        except UnicodeEncodeError:
            raise BadNote("it holds half a character") from None
        lines = signatures.removesuffix("\n").split("\n")
        if len(lines) > MOST_SIGNATURES:
            raise BadNote("it has too many signatures")
        for line in lines:
            parts = line.split(" ")
            if len(parts) != 3 or parts[0] != "\u2014":
                raise BadNote("a signature's line is malformed")
            signature = _decoded(parts[2])
            for name, identifier, public in keys:
                if name == parts[1] and identifier == signature[:4]:
                    if not verify(public, message, signature[4:]):
                        raise BadNote("a signature by a known key does not hold")
                    self.signer = self.signer or name
        if self.signer is None:
            raise BadNote("no signature is by a known key")

    def _match(self, pattern, what):
        found = re.fullmatch(re.escape(self.signer) + pattern, self.text)
        if found is None:
            raise BadNote(f"it is not {what}")
        return found.groups()


class Checkpoint(Note):
    """Whose tree, its size and root."""

    def __init__(self, note, keys):
        super().__init__(note, keys)
        self.tenant, size, root = self._match(f"/{UUID}\n{NUMBER}\n{_ROOT}\n", "a checkpoint")
        self.size, self.root = int(size), _decoded(root)


class Pruned(Note):
    """Which entries of a month were dropped as their retention says."""

    def __init__(self, note, keys):
        super().__init__(note, keys)
        self.tenant, self.kind, month, count, ranges, _ = self._match(
            f"/{UUID}/pruned\nclass (d90|y1|y7|hold)\nmonth (-|{_MONTH[1:-1]})\ncount {NUMBER}\nseqs ([0-9,-]+)\nat {_INSTANT}\n", "a pruning")
        self.month, self.count, self.ranges = None if month == "-" else month, int(count), []
        if (self.kind == "hold") != (self.month is None):
            raise BadNote("a month and only a month has a class")
        last = 0
        for each in ranges.split(","):
            bounds = re.fullmatch(f"{NUMBER}-{NUMBER}", each)
            if bounds is None:
                raise BadNote("its ranges are malformed")
            first, end = int(bounds[1]), int(bounds[2])
            if not last < first <= end:
                raise BadNote("its ranges are not in order")
            self.ranges.append((first, end))
            last = end
        if sum(end - first + 1 for first, end in self.ranges) != self.count:
            raise BadNote("its ranges are not as many as it says")


class Manifest(Note):
    """What a file of the trail holds; `facts` has each line's value as it was signed."""

    _HEAD = "penguinmails audit export v"
    _FACTS = {
        "tenant": UUID, "export": "([^ \n]+)", "format": "(ndjson|csv)", "count": NUMBER, "first_seq": f"(-|{NUMBER[1:-1]})",
        "last_seq": f"(-|{NUMBER[1:-1]})", "through": NUMBER, "root": _ROOT, "sha256": "([0-9a-f]{64})", "filter": "([^\n]+)",
        "created": _INSTANT,
    }

    def __init__(self, note, keys):
        super().__init__(note, keys)
        if self.text.startswith(self._HEAD + "1\n"):
            raise Incomplete("the manifest is of version 1, which does not prove the entries' place in the tree: export once more")
        found = re.fullmatch(
            re.escape(self._HEAD) + "2\n" + "".join(f"{name} {pattern}\n" for name, pattern in self._FACTS.items()), self.text)
        if found is None:
            raise BadNote("it is not a manifest")
        self.facts = dict(zip(self._FACTS, found.groups()))
        self.tenant, self.through = self.facts["tenant"], int(self.facts["through"])
        try:
            self.filter = load(self.facts["filter"])
        except Malformed as error:
            raise BadNote(f"its filter: {error}") from None


def read_keys(text):
    """The public keys of a file, a line each: name, identifier, key. Raises ValueError."""
    keys = []
    for line in text.split():
        # The encoded key may hold plus signs, names hold none.
        parts = line.split("+", 2)
        try:
            raw = _decoded(parts[-1])
        except BadNote:
            raw = b""
        if (len(parts) != 3 or raw[:1] != b"\1" or len(raw) != 33
                or hashlib.sha256(parts[0].encode() + b"\n" + raw).digest()[:4].hex() != parts[1]):
            raise ValueError(f"{parts[0][:100]} is not an Ed25519 key of a signed note")
        keys.append((parts[0], bytes.fromhex(parts[1]), raw[1:]))
    return keys


def _decoded(text):
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise BadNote("what should be base64 is not") from None
