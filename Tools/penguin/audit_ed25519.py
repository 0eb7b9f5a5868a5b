"""Ed25519 (RFC 8032, section 5.1), verification only; what is malformed is no signature, and never an exception."""

import functools
import hashlib

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)
_BASE = bytes.fromhex("5866666666666666666666666666666666666666666666666666666666666666")


def verify(public, message, signature):
    if len(public) != 32 or len(signature) != 64:
        return False
    key = _multiples(public)
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or scalar >= _L:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _L
    # The signature's first half must be scalar * base - challenge * key.
    return _encoded(_sum(key, _L - challenge, _sum(_multiples(_BASE), scalar, (0, 1, 1, 0)))) == signature[:32]


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


def _encoded(point):
    inverse = pow(point[2], _P - 2, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


@functools.lru_cache(maxsize=16)
def _multiples(encoded):
    """For each of the 64 hexadecimal places the point times 0…15 of that place; made once a key, since a trail has many checkpoints."""
    place = _point(encoded)
    if place is None:
        return None
    places = []
    for _ in range(64):
        row = [(0, 1, 1, 0)]
        for _ in range(15):
            row.append(_add(row[-1], place))
        places.append(row)
        place = _add(row[-1], place)
    return places


def _sum(multiples, number, result):
    """`result` plus `number` times the point; `number` is below 2^256."""
    for row in multiples:
        if number & 15:
            result = _add(result, row[number & 15])
        number >>= 4
    return result
