"""The trail's tree (RFC 6962), written a second time: nothing comes from the services."""

import hashlib


def leaf_hash(content):
    return hashlib.sha256(b"\0" + content).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def root_of(peaks):
    """The root over complete subtrees side by side, the largest first."""
    if not peaks:
        return hashlib.sha256(b"").digest()
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


EMPTY_ROOT = root_of([])


class Frontier:
    """The right edge of a growing tree."""

    def __init__(self):
        self.size = 0
        self.peaks = []

    def append(self, node, height=0):
        """The nodes that are complete with this leaf, or with a complete subtree of 2^height leaves: (height, index, hash)."""
        if self.size & (1 << height) - 1:
            raise ValueError("a subtree of this height does not begin here")
        index, grown = self.size >> height, self.size + (1 << height)
        completed = [(height, index, node)]
        while index & 1:
            node = node_hash(self.peaks.pop(), node)
            height, index = height + 1, index >> 1
            completed.append((height, index, node))
        self.peaks.append(node)
        self.size = grown
        return completed

    @property
    def root(self):
        return root_of(self.peaks)


def subtree_heights(start, end):
    """The complete aligned subtrees that make up the leaves start ..< end, in order: the height of each."""
    heights = []
    while start < end:
        height = (end - start).bit_length() - 1
        if start:
            height = min(height, (start & -start).bit_length() - 1)
        heights.append(height)
        start += 1 << height
    return heights


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
