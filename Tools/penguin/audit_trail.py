"""A company's tree as the database has it: every row is hashed again from its content, up to the signed roots."""

from penguin.audit_entry import check_details, core, core_leaf, disclosed, target_keys, words
from penguin.audit_findings import Bad, Incomplete
from penguin.audit_json import is_number
from penguin.audit_notes import BadNote, Checkpoint, Pruned
from penguin.audit_tree import EMPTY_ROOT, Frontier

WIDTH = 256
# Of a tree that a bigint counts.
MOST_LEVELS = 8


class Tree:
    """Reads records in the order of the query: everything else first, then the rows, one at a time and never twice."""

    def __init__(self, records, keys, tenant, since=None):
        self._records, self._keys, self._tenant, self._since = iter(records), keys, tenant, since
        self._head, self._tiles, self._roots, self._checkpoints, self._prunings = None, {}, {}, 0, []
        self._frontier = None
        # Keys of targets that there are, and that the rows so far have.
        self._keys_there, self._keys_read = 0, 0

    def check(self):
        row = self._read_until_rows()
        if not self._roots:
            nothing = row is None and not self._head and not self._tiles and not self._prunings and not self._keys_there
            if nothing and self._since is None:
                raise Incomplete("there is no trail of this company")
            raise Bad("checkpoint", self._head, None, problem="there is no signed checkpoint, and a tree with entries always has one")
        if self._since is not None and self._roots.setdefault(self._since.size, self._since.root) != self._since.root:
            raise Bad("rewritten", self._since.size, None, problem="the checkpoint that was handed out says otherwise")
        if self._roots.get(0, EMPTY_ROOT) != EMPTY_ROOT:
            raise Bad("root", 0, None, problem="the signed root differs")
        return self._replay(row, max(self._roots))

    def _read_until_rows(self):
        """Takes in what comes before the rows; the first row, if there is one."""
        takers = {
            "head": self._take_head, "checkpoint": self._take_checkpoint, "pruned": self._take_pruned, "tile": self._take_tile,
            "targets": self._take_targets,
        }
        for record in self._records:
            if record["t"] == "event":
                return self._row(record)
            takers[record["t"]](record)
        return None

    def _next_row(self):
        record = next(self._records, None)
        return None if record is None else self._row(record)

    def _row(self, record):
        if record["t"] != "event":
            raise Incomplete("the records are not in their order")
        seq = record.get("seq")
        if not is_number(seq, -(1 << 63)):
            raise Bad("row", None, record.get("id"), problem="its number is none")
        return record

    def _take_head(self, record):
        if not is_number(record.get("size")):
            raise Bad("head", None, None, problem="its size is no number")
        self._head, self._frontier = record["size"], record.get("frontier")

    def _take_checkpoint(self, record):
        size = record.get("size") if is_number(record.get("size")) else None
        try:
            note = Checkpoint(record.get("note"), self._keys)
        except BadNote as error:
            raise Bad("checkpoint", size, None, problem=str(error)) from None
        if note.size != size or note.root.hex() != record.get("root") or note.tenant != self._tenant:
            raise Bad("checkpoint", size, None, problem="it signs something else")
        if self._roots.setdefault(size, note.root) != note.root:
            raise Bad("checkpoint", size, None, problem="two roots were signed for one size")
        self._checkpoints += 1

    def _take_pruned(self, record):
        try:
            note = Pruned(record.get("note"), self._keys)
        except BadNote as error:
            raise Bad("pruning", None, record.get("id"), problem=str(error)) from None
        said = (record.get("class"), record.get("month"), record.get("count"))
        if note.tenant != self._tenant or said != (note.kind, note.month, note.count):
            raise Bad("pruning", note.ranges[0][0], record.get("id"), problem="it signs something else")
        self._prunings.append(note)

    def _take_tile(self, record):
        level, tile, hashes = record.get("level"), record.get("tile"), record.get("hashes")
        if not is_number(level) or level >= MOST_LEVELS or not is_number(tile):
            raise Bad("tile", None, None, problem="there is no tile of this place")
        try:
            content = bytes.fromhex(hashes)
        except (TypeError, ValueError):
            content = b""
        if not content or len(content) % 32 or len(content) > 32 * WIDTH or (level, tile) in self._tiles:
            raise Bad("tile", _first(level, tile), None, problem="it is malformed")
        self._tiles[level, tile] = content

    def _take_targets(self, record):
        if not is_number(record.get("count")):
            raise Bad("targets", None, None, problem="their count is no number")
        self._keys_there = record["count"]

    def _replay(self, row, size):
        frontier, rows, erased, pruned = Frontier(), 0, 0, Pruning(self._prunings, size)
        for seq in range(1, size + 1):
            stored = self._stored(0, seq - 1)
            if row is not None and row["seq"] < seq:
                raise Bad("inserted", row["seq"], row.get("id"))
            if row is not None and row["seq"] == seq:
                if pruned.holds(seq):
                    raise Bad("pruning", seq, row.get("id"), problem="it is there, although it is signed that it was pruned")
                leaf, gone = self._check(row, stored)
                erased, rows, row = erased + gone, rows + 1, self._next_row()
            elif not pruned.holds(seq):
                raise Bad("missing" if row is not None else "truncated", seq, None)
            elif stored is None:
                raise Bad("tile", seq, None, problem="the hash of a pruned entry is gone")
            else:
                leaf = stored
            for height, index, node in frontier.append(leaf):
                if height and height % 8 == 0 and self._stored(height // 8, index) != node:
                    raise Bad("tile", (index << height) + 1, None, last=(index + 1) << height)
            if seq in self._roots and frontier.root != self._roots[seq]:
                raise Bad("root", seq, None, problem="the signed root differs")
        if row is not None:
            raise Bad("unsigned", row["seq"], row.get("id"))
        if self._head != size:
            raise Bad("head", size, None, problem=f"the head says {self._head}")
        for (level, tile), content in sorted(self._tiles.items()):
            if len(content) > 32 * max(0, (size >> 8 * level) - WIDTH * tile):
                raise Bad("tile", _first(level, tile), None, problem="it holds more than the tree")
        if self._frontier != b"".join(frontier.peaks).hex():
            raise Bad("head", size, None, problem="the head's subtrees are not those of the tree")
        if self._keys_there != self._keys_read:
            raise Bad("targets", None, None, problem=f"there are {self._keys_there} keys, and the entries have {self._keys_read}")
        return {"size": size, "root": frontier.root.hex(), "rows": rows, "pruned": size - rows, "pruned_months": pruned.months,
                "erased_fields": erased, "checkpoints": self._checkpoints}

    def _check(self, row, stored):
        """The leaf that a row makes, and how many of its fields were erased."""
        seq, identifier = row["seq"], row.get("id")
        content = core(row)
        leaf = core_leaf(content, self._tenant)
        if leaf is None or leaf.hex() != row.get("leaf"):
            raise Bad("row", seq, identifier)
        if leaf != stored:
            raise Bad("tile_leaf", seq, identifier)
        # Erasure empties it, and its month takes it along.
        if row.get("words") is None:
            raise Bad("details", seq, identifier, problem="the row of its details is gone")
        erased = check_details(seq, identifier, content["sd"], disclosed(row), row.get("salts"))
        if row["words"] != words(content):
            raise Bad("words", seq, identifier)
        keys = target_keys(content)
        if row.get("target_keys") != keys:
            raise Bad("targets", seq, identifier)
        self._keys_read += len(keys)
        return leaf, erased

    def _stored(self, level, index):
        """A node as the tiles have it, or None."""
        tile = self._tiles.get((level, index // WIDTH), b"")
        start = 32 * (index % WIDTH)
        return tile[start:start + 32] if len(tile) >= start + 32 else None


def _first(level, tile):
    """The first entry below a tile."""
    return (tile * WIDTH << 8 * level) + 1


class Pruning:
    """What all signed prunings together say is gone; asked in the order of the entries."""

    def __init__(self, notes, size):
        self._ranges = sorted(each for note in notes for each in note.ranges)
        self._next = 0
        last = 0
        for first, end in self._ranges:
            if first <= last:
                raise Bad("pruning", first, None, problem="it is signed twice that it was pruned")
            last = end
        if last > size:
            raise Bad("pruning", max(size + 1, self._ranges[-1][0]), None, problem="it is signed as pruned and was never in the tree")
        entries = {}
        for note in notes:
            entries[note.kind, note.month] = entries.get((note.kind, note.month), 0) + note.count
        self.months = [{"class": kind, "month": month, "entries": entries[kind, month]}
                       for kind, month in sorted(entries, key=lambda each: (each[1] or "", each[0]))]

    def holds(self, seq):
        while self._next < len(self._ranges) and self._ranges[self._next][1] < seq:
            self._next += 1
        return self._next < len(self._ranges) and self._ranges[self._next][0] <= seq
