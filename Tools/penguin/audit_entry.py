"""One entry of the trail: what was hashed of it and what of it may be erased. Whoever wrote the row may have written anything into it."""

import re
from hashlib import sha256
from unicodedata import normalize

from penguin.audit_findings import Bad
from penguin.audit_json import canonical, is_number, is_text
from penguin.audit_notes import UUID
from penguin.audit_tree import leaf_hash

_TEXTS = ("occurred_at", "recorded_at", "type", "source", "action", "outcome")
_OPTIONAL = ("workspace_id", "request", "trace", "support_session")
_MEMBERS = {"v", "tenant_id", "id", "seq", "actor", "targets", "sd", *_TEXTS}


def core(row):
    """What was hashed of a row, made from what stands in it now."""
    value = {
        "v": 1, "tenant_id": row.get("tenant_id"), "id": row.get("id"), "seq": row.get("seq"), "occurred_at": _time(row.get("occurred_at")),
        "recorded_at": _time(row.get("recorded_at")), "type": row.get("type"), "source": row.get("source"), "action": row.get("action"),
        "outcome": row.get("outcome"), "actor": {"kind": row.get("actor_kind"), "id": row.get("actor_id")}, "targets": row.get("targets"),
        "sd": row.get("sd"),
    }
    value.update({name: row[name] for name in _OPTIONAL if row.get(name) is not None})
    return value


def _time(text):
    """Milliseconds, as they were hashed; microseconds that somebody added stay visible."""
    if not isinstance(text, str):
        return text
    return (text[:-3] if text.endswith("000") else text) + "Z"


def core_leaf(value, tenant=None):
    """The leaf of a core; None when nothing that the trail writes looks like it. Two values of one form must not both pass: 1 is not "1"."""
    if not isinstance(value, dict) or not _MEMBERS <= value.keys() <= _MEMBERS | set(_OPTIONAL):
        return None
    texts = [value[name] for name in _TEXTS] + [value[name] for name in _OPTIONAL if name in value]
    fits = (
        value["v"] == 1 and is_number(value["v"]) and is_number(value["seq"], 1) and all(map(is_text, texts))
        and _is(UUID, value["tenant_id"]) and _is(UUID, value["id"]) and tenant in (None, value["tenant_id"])
        and _is_pair(value["actor"], "kind") and isinstance(value["targets"], list) and all(_is_pair(each, "type") for each in value["targets"])
        and isinstance(value["sd"], dict) and all(is_text(name) and _is("[0-9a-f]{64}", each) for name, each in value["sd"].items()))
    return leaf_hash(canonical(value).encode()) if fits else None


def _is(pattern, value):
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _is_pair(value, name):
    return isinstance(value, dict) and value.keys() == {"id", name} and is_text(value["id"]) and is_text(value[name])


def words(content):
    """What a search finds an entry by, besides what may be erased; of a core that has its leaf."""
    action, targets = content["action"], content["targets"]
    parts = [part for part in action.split(".") if part]
    return " ".join([action, *parts, content["type"], content["actor"]["id"], *(each[name] for each in targets for name in ("type", "id"))])


def target_keys(content):
    """What filters find it by. Where two look alike, composed and not, the service keeps the first."""
    keys = {}
    for each in content["targets"]:
        for key in (f"{each['type']}:{each['id']}", each["id"]):
            keys.setdefault(normalize("NFC", key), key)
    return sorted(keys.values())


def disclosed(row):
    """The erasable fields that there are, by the names that the leaf has for them."""
    names = row.get("target_names")
    if names is not None and not isinstance(names, list):
        raise Bad("details", row.get("seq"), row.get("id"), field="target_names")
    fields = {f"target.{index}.name": name for index, name in enumerate(names or []) if name is not None}
    for name, column in (("actor.name", "actor_name"), ("ip", "address"), ("user_agent", "user_agent")):
        if row.get(column) is not None:
            fields[name] = row[column]
    fields.update({name: row[name] for name in ("changes", "metadata") if row.get(name) not in (None, [], {})})
    return fields


def digest(salt, value):
    return sha256(bytes.fromhex(salt) + canonical(value).encode()).hexdigest()


def check_details(seq, identifier, digests, fields, salts):
    """Each field that there is has its digest; one that is gone went with its salt. How many are gone."""
    if not isinstance(salts, dict):
        raise Bad("details", seq, identifier, field="salts")
    for name in sorted(fields.keys() | salts.keys()):
        salt = salts.get(name)
        if (name not in fields or not _is("[0-9a-f]{32}", salt) or not _fits(name, fields[name])
                or digests.get(name) != digest(salt, fields[name])):
            raise Bad("details", seq, identifier, field=name[:64])
    return len(digests.keys() - fields.keys())


def _fits(name, value):
    if name == "metadata":
        return isinstance(value, dict) and all(is_text(each) and is_text(value[each]) for each in value)
    if name == "changes":
        return isinstance(value, list) and all(
            isinstance(each, dict) and "path" in each and each.keys() <= {"path", "before", "after"} and all(map(is_text, each.values()))
            for each in value)
    return is_text(value)
