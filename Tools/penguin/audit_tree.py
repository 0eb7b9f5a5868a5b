"""The trail's proofs, written a second time: canonical JSON, RFC 6962 trees, Ed25519 and C2SP's signed notes; nothing comes from the services."""

import base64
import hashlib


def canonical(value):
    """RFC 8785 for what the trail holds: no floating numbers; integers beyond 2^53 - 1 as text."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value) if abs(value) < 1 << 53 else _text(str(value))
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return "[" + ",".join(canonical(each) for each in value) + "]"
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(_text(name) + ":" + canonical(value[name]) for name in names) + "}"
    raise ValueError(f"{type(value).__name__} is not in the trail's JSON")


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _text(text):
    return '"' + "".join(_ESCAPES.get(each) or (f"\\u{ord(each):04x}" if each < " " else each) for each in text) + '"'


def leaf_hash(content):
    return hashlib.sha256(b"\0" + content).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def digest(salt, value):
    return hashlib.sha256(bytes.fromhex(salt) + canonical(value).encode()).hexdigest()


def root_of(peaks):
    """The root over complete subtrees side by side, the largest first."""
    if not peaks:
        return hashlib.sha256(b"").digest()
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


class Frontier:
    """The right edge of a growing tree."""

    def __init__(self):
        self.size = 0
        self.peaks = []

    def append(self, leaf):
        """The nodes that are complete with this leaf: (height, index, hash)."""
        completed = [(0, self.size, leaf)]
        node, height = leaf, 0
        while self.size >> height & 1:
            node = node_hash(self.peaks.pop(), node)
            height += 1
            completed.append((height, self.size >> height, node))
        self.peaks.append(node)
        self.size += 1
        return completed

    @property
    def root(self):
        return root_of(self.peaks)


def root(leaves):
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root


def inclusion_path(index, leaves):
    """RFC 6962, 2.1.1."""
    if len(leaves) <= 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return inclusion_path(index, leaves[:split]) + [root(leaves[split:])]
    return inclusion_path(index - split, leaves[split:]) + [root(leaves[:split])]


def consistency_path(old, leaves, whole=True):
    """RFC 6962, 2.1.2."""
    if old in (0, len(leaves)):
        return [] if whole else [root(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= split:
        return consistency_path(old, leaves[:split], whole) + [root(leaves[split:])]
    return consistency_path(old - split, leaves[split:], False) + [root(leaves[:split])]


def includes(leaf, index, size, path, expected):
    """RFC 9162, 2.1.3.2."""
    if not 0 <= index < size:
        return False
    here, last, node = index, size - 1, leaf
    for each in path:
        if last == 0:
            return False
        if here & 1 or here == last:
            node = node_hash(each, node)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            node = node_hash(node, each)
        here, last = here >> 1, last >> 1
    return last == 0 and node == expected


class BadNote(Exception):
    """A signed note that says nothing: malformed, or signed by nobody we know."""


class Note:
    """A C2SP signed note whose signature holds for one of the keys."""

    def __init__(self, note, keys):
        text, gap, signatures = note.rpartition("\n\n")
        if not gap:
            raise BadNote("it has no signatures")
        self.text = text + "\n"
        for line in signatures.splitlines():
            parts = line.split(" ")
            if len(parts) != 3 or parts[0] != "\u2014":
                raise BadNote("a signature's line is malformed")
            signature = base64.b64decode(parts[2])
            for name, identifier, public in keys:
                if name == parts[1] and identifier == signature[:4] and verify(public, self.text.encode(), signature[4:]):
                    return
        raise BadNote("no signature is by a known key")


class Checkpoint(Note):
    """Origin, size and root that were signed."""

    def __init__(self, note, keys):
        super().__init__(note, keys)
        lines = self.text.splitlines()
        if len(lines) < 3 or not lines[1].isdigit():
            raise BadNote("it is not a checkpoint")
        self.origin, self.size, self.root = lines[0], int(lines[1]), base64.b64decode(lines[2])


def read_keys(text):
    """The public keys of a file, a line each: name, identifier, key."""
    keys = []
    for line in text.split():
        # The encoded key may hold plus signs, names hold none.
        name, identifier, encoded = line.split("+", 2)
        raw = base64.b64decode(encoded)
        if raw[:1] != b"\1" or len(raw) != 33 or hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4].hex() != identifier:
            raise ValueError(f"{name} is not an Ed25519 key of a signed note")
        keys.append((name, bytes.fromhex(identifier), raw[1:]))
    return keys


# Ed25519 (RFC 8032, section 5.1), verification only.

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)


def _x(y, sign):
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    return _P - x if x & 1 != sign else x


def _point(encoded):
    number = int.from_bytes(encoded, "little")
    y, sign = number & (1 << 255) - 1, number >> 255
    x = _x(y, sign) if y < _P else None
    return None if x is None else (x, y, 1, x * y % _P)


def _add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _multiply(number, point):
    result = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = _add(result, point)
        point, number = _add(point, point), number >> 1
    return result


_BASE = _point(bytes.fromhex("5866666666666666666666666666666666666666666666666666666666666666"))


def verify(public, message, signature):
    if len(public) != 32 or len(signature) != 64:
        return False
    key, commitment = _point(public), _point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or scalar >= _L:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _L
    left, right = _multiply(scalar, _BASE), _add(commitment, _multiply(challenge, key))
    return not ((left[0] * right[2] - right[0] * left[2]) % _P or (left[1] * right[2] - right[1] * left[2]) % _P)
