"""A file of the trail, without any database: what it holds is exactly what was signed, at its place in the tree that was signed."""

import base64
import csv
import hashlib

from penguin.audit_entry import check_details, core_leaf
from penguin.audit_findings import Bad, Incomplete
from penguin.audit_json import Malformed, canonical, is_number, load
from penguin.audit_notes import BadNote, Manifest
from penguin.audit_tree import Frontier, subtree_heights

LONGEST = 1 << 20


def check_export(path, keys, manifest=None, since=None, tenant=None):
    """`manifest`: the note as it was handed out apart from the file; a table has no other."""
    signed, same = None if manifest is None else read_manifest(manifest, keys), None
    if signed is None and path.suffix.lower() == ".csv":
        raise Incomplete("a table has its manifest apart: name it with --manifest")
    with open(path, "rb") as file:
        if signed is not None and signed.facts["format"] == "csv":
            found = check_table(file, signed)
        else:
            found, signed, same = check_lines(file, keys, manifest, since)
    if tenant not in (None, signed.tenant):
        raise Bad("manifest", None, None, field="tenant", problem=f"the file is of the company {signed.tenant}")
    return {
        **found, "tenant": signed.tenant, "through": signed.through, "root": base64.b64decode(signed.facts["root"]).hex(), "filter": signed.filter,
        **({} if since is None else {"since": compare(since, signed, same)}),
    }


def read_manifest(note, keys):
    try:
        return Manifest(note, keys)
    except BadNote as error:
        raise Bad("manifest", None, None, problem=str(error)) from None


def compare(since, signed, same):
    """What a checkpoint that was handed out earlier says of the tree that the file is of; `same`: whether the file's own tree had its root at its size,
    None when the file does not show that."""
    if since.tenant != signed.tenant:
        raise Incomplete("the checkpoint is of another company than the file")
    if since.size == signed.through:
        same = since.root == base64.b64decode(signed.facts["root"])
    if same is None:
        raise Incomplete(f"the file does not show the tree of {since.size} entries, so it cannot be compared: one without a filter shows it")
    if not same:
        raise Bad("rewritten", since.size, None, problem="the checkpoint that was handed out says otherwise")
    return "the same tree" if since.size == signed.through else "the tree still begins with it"


def lines_of(file):
    """Each line with its number, none longer than what an entry can be."""
    number = 0
    while line := file.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            raise bad_line(number, "it is longer than 1 MiB")
        yield number, line


def bad_line(number, problem):
    return Bad("line", None, None, line=number, problem=problem)


def check_facts(signed, found):
    for name, value in found.items():
        if signed.facts[name] != str(value):
            raise Bad("manifest", None, None, field=name, problem=f"signed was {signed.facts[name]}, found is {value}")


def check_lines(file, keys, manifest=None, since=None):
    """Lines of JSON, the last of them the manifest: what was found, the manifest, and whether the tree began with `since`."""
    content, signed = Content(since), None
    for number, line in lines_of(file):
        if signed is not None:
            raise bad_line(number, "something follows the manifest")
        try:
            record = load(line)
        except Malformed as error:
            raise bad_line(number, str(error)) from None
        members = record.keys() if isinstance(record, dict) else set()
        if members == {"manifest"}:
            if manifest is not None and record["manifest"] != manifest:
                raise Bad("manifest", None, None, line=number, problem="the file ends with another manifest")
            signed = read_manifest(record["manifest"], keys)
        elif members == {"leaf", "disclosures"}:
            content.add_entry(number, line, record)
        elif members == {"gap", "hashes"}:
            content.add_gap(number, line, record)
        else:
            raise bad_line(number, "it is neither an entry, nor a gap, nor a manifest")
    if signed is None:
        raise Incomplete("the file has no manifest: it was cut")
    for tenant, (seq, identifier) in content.tenants.items():
        if tenant != signed.tenant:
            raise Bad("row", seq, identifier, problem="it is another company's")
    check_facts(signed, content.facts)
    return {"rows": content.count, "erased_fields": content.erased}, signed, content.same


class Content:
    """What the lines of a file add up to."""

    def __init__(self, since=None):
        self._since, self.same = since, None
        self._hashing, self._tree = hashlib.sha256(), Frontier()
        self._first, self._last, self.count, self.erased = "-", "-", 0, 0
        # Company → its first entry; a second company is one too many already.
        self.tenants = {}

    @property
    def facts(self):
        return {
            "format": "ndjson", "count": self.count, "first_seq": self._first, "last_seq": self._last, "through": self._tree.size,
            "root": base64.b64encode(self._tree.root).decode(), "sha256": self._hashing.hexdigest(),
        }

    def add_entry(self, number, line, record):
        text, disclosures = record["leaf"], record["disclosures"]
        try:
            content = load(text) if isinstance(text, str) else None
        except Malformed as error:
            raise bad_line(number, f"its leaf: {error}") from None
        leaf = core_leaf(content)
        if leaf is None or canonical(content) != text:
            raise bad_line(number, "its leaf is not the trail's")
        seq, identifier = content["seq"], content["id"]
        self._expect(seq, number, identifier)
        if not isinstance(disclosures, dict) or not all(
                isinstance(each, dict) and each.keys() == {"salt", "value"} for each in disclosures.values()):
            raise Bad("details", seq, identifier, line=number, problem="the disclosures are malformed")
        try:
            self.erased += check_details(
                seq, identifier, content["sd"], {name: each["value"] for name, each in disclosures.items()},
                {name: each["salt"] for name, each in disclosures.items()})
        except Bad as bad:
            bad.found["line"] = number
            raise
        self._hashing.update(line)
        self._grow(leaf)
        if len(self.tenants) < 2:
            self.tenants.setdefault(content["tenant_id"], (seq, identifier))
        self._first, self._last, self.count = seq if self.count == 0 else self._first, seq, self.count + 1

    def add_gap(self, number, line, record):
        bounds, hashes = record["gap"], record["hashes"]
        if not isinstance(bounds, list) or len(bounds) != 2 or not all(is_number(each, 1) for each in bounds) or bounds[0] > bounds[1]:
            raise bad_line(number, "the gap has no bounds")
        self._expect(bounds[0], number)
        heights = subtree_heights(bounds[0] - 1, bounds[1])
        if not isinstance(hashes, list) or len(hashes) != len(heights):
            raise bad_line(number, f"the gap needs {len(heights)} hashes")
        for height, text in zip(heights, hashes):
            try:
                node = base64.b64decode(text, validate=True)
            except (TypeError, ValueError):
                node = b""
            if len(node) != 32:
                raise bad_line(number, "a hash of the gap is malformed")
            self._grow(node, height)
        self._hashing.update(line)

    def _grow(self, node, height=0):
        self._tree.append(node, height)
        if self._since is not None and self._tree.size == self._since.size:
            self.same = self._tree.root == self._since.root

    def _expect(self, seq, number, identifier=None):
        """Entries and gaps follow each other without a hole."""
        if seq > self._tree.size + 1:
            raise Bad("missing", self._tree.size + 1, None, line=number)
        if seq < self._tree.size + 1:
            raise Bad("row", seq, identifier, line=number, problem="this number was there already")


def check_table(file, signed):
    """A table has no proofs of its own: it is, byte for byte, what was signed; the columns are for people."""
    hashing, number = hashlib.sha256(), 0

    def texts():
        nonlocal number
        for number, line in lines_of(file):
            hashing.update(line)
            try:
                yield line.decode()
            except UnicodeDecodeError:
                raise bad_line(number, "it is not UTF-8") from None

    first, last, count, column = "-", "-", 0, None
    try:
        for record in csv.reader(texts(), strict=True):
            if column is None:
                column, width = record.index("seq"), len(record)
                continue
            seq = record[column] if len(record) == width else ""
            if not (seq.isascii() and seq.isdigit() and len(seq) < 20) or (count and int(seq) <= int(last)):
                raise bad_line(number, "it has no number, or one out of order")
            first, last, count = seq if count == 0 else first, seq, count + 1
    except (csv.Error, ValueError) as error:
        raise bad_line(number, f"it is no line of the table: {error}") from None
    if column is None:
        raise bad_line(1, "the table has no head")
    check_facts(signed, {"count": count, "first_seq": first, "last_seq": last, "sha256": hashing.hexdigest()})
    return {"rows": count}
