"""Markdown as far as the check of the documents needs it: links, anchors, words in backticks, blocks of code, commands in them."""

import re
import shlex
from dataclasses import dataclass

FENCE = re.compile(r"^[ ]{0,6}(`{3,}|~{3,})[ ]*([\w+-]*)[^\n`]*\n(.*?)^[ ]{0,6}\1[ ]*$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
DEFINED = re.compile(r"^[ ]{0,3}\[[^\]^]+\]:[ ]*<?(\S+?)>?[ ]*$", re.MULTILINE)
IN_HTML = re.compile(r"<(?:img|a)\b[^>]*?\b(?:src|href)=\"([^\"]+)\"")
HEADING = re.compile(r"^[ ]{0,3}#{1,6}[ ]+(.*?)[ ]*#*$", re.MULTILINE)
NAMED = re.compile(r"<a\b[^>]*?\b(?:id|name)=\"([^\"]+)\"")
SHELLS = ("sh", "bash", "shell", "console")
ASSIGNMENT = re.compile(r"^([A-Za-z_][A-Za-z0-9_]*)=(.*)$", re.DOTALL)


@dataclass(frozen=True)
class Piece:
    """Some text of a document and the line on which it begins; `language` is a block's, empty where it has none."""

    text: str
    line: int
    language: str = ""


class Document:
    """One Markdown file, taken apart."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.blocks = [Piece(match.group(3), _line(text, match.start(3)), match.group(2).lower()) for match in FENCE.finditer(text)]
        # What is code keeps its lines, so that the lines of the rest stay right.
        self.prose = FENCE.sub(lambda match: "\n" * match.group().count("\n"), text)
        self.spans = [Piece(" ".join(match.group(2).split()), _line(self.prose, match.start())) for match in SPAN.finditer(self.prose)]
        bare = SPAN.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), self.prose)
        self.links = sorted(
            {Piece(match.group(1), _line(bare, match.start())) for kind in (LINK, DEFINED, IN_HTML) for match in kind.finditer(bare)},
            key=lambda piece: (piece.line, piece.text))

    @classmethod
    def read(cls, path):
        return cls(path, path.read_text())

    @property
    def anchors(self):
        """What a link may name behind its #, as GitHub makes it of the headings: a second one of the same words gets a number."""
        names, seen = set(NAMED.findall(self.prose)), {}
        for heading in HEADING.findall(self.prose):
            words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
            name = re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")
            count = seen.get(name, 0)
            seen[name] = count + 1
            names.add(f"{name}-{count}" if count else name)
        return names

    def commands(self):
        """Each line of a shell's block, with what it continues on, and each span that is a command of ours; comments are left out."""
        for block in self.blocks:
            if block.language in SHELLS or not block.language:
                yield from _lines(block)
        for span in self.spans:
            if re.match(r"(?:[A-Z_]+=\S+ )*\./penguin\b", span.text):
                yield span


def _line(text, position):
    return text.count("\n", 0, position) + 1


def _lines(block):
    gathered, began = "", 0
    for number, line in enumerate(block.text.split("\n"), block.line):
        if not gathered:
            began = number
        if line.endswith("\\"):
            gathered += line[:-1] + " "
            continue
        whole = (gathered + line).strip()
        gathered = ""
        # A prompt is not part of the command.
        whole = re.sub(r"^\$ ", "", whole)
        if whole and not whole.startswith("#"):
            yield Piece(whole, began, block.language)


def words(command):
    """The words of a command up to a comment; what cannot be read as a shell reads it is cut at blanks."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|;&")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    try:
        return list(lexer)
    except ValueError:
        return command.split(" #")[0].split()
