"""JSON as the trail has it: read in the one way that there is to read it, and written in the one form that is hashed (RFC 8785)."""

import json


class Malformed(ValueError):
    """It is not what it should be, whoever wrote it."""


def load(text):
    """A value in text or bytes: each name once, no floating numbers, no numbers that nobody counts to."""
    try:
        whole = text.decode() if isinstance(text, bytes) else text
        return json.loads(whole, object_pairs_hook=_object, parse_int=_integer, parse_float=_refuse, parse_constant=_refuse)
    except Malformed:
        raise
    except RecursionError:
        raise Malformed("it is nested too deeply") from None
    except (ValueError, TypeError) as error:
        raise Malformed(f"it is not JSON: {str(error)[:200]}") from None


def _object(pairs):
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Malformed("a name stands twice")
    return value


def _integer(text):
    if len(text) > 20:
        raise Malformed("a number is too large")
    return int(text)


def _refuse(text):
    raise Malformed(f"{text[:40]} is not in the trail's JSON")


def is_text(value):
    """Whether it is text that a trail can hold: whole characters, no NUL."""
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        return value.isascii() or bool(value.encode())
    except UnicodeEncodeError:
        return False


def is_number(value, least=0):
    """Whether it is a whole number that a bigint holds."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value < 1 << 63


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
    raise Malformed(f"{type(value).__name__} is not in the trail's JSON")


_ESCAPES = {chr(code): f"\\u{code:04x}" for code in range(32)} | {
    '"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_TRANSLATION = str.maketrans(_ESCAPES)


def _text(text):
    return '"' + text.translate(_TRANSLATION) + '"'
