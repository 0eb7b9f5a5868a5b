"""What the documents say that can be compared with the rest: links, paths, commands, routes, settings, samples."""

import json
import re
import subprocess
from functools import cached_property

from penguin import docs_commands, docs_known
from penguin.docs_text import SHELLS, Document
from penguin.layout import ROOT

# What the list of the product's documents names; a document that moves leaves a page at its old place.
REQUIRED = (
    "README.md", "CHANGELOG.md", "LICENSE", "SECURITY.md", "deploy/kubernetes/README.md", "docs/api.md", "docs/architecture.md", "docs/audit.md",
    "docs/compose.md", "docs/contributing.md", "docs/observability.md", "docs/operations.md", "docs/queue.md", "docs/scale.md",
    "docs/design/frontend-routing-map.md", "docs/freelancer-support/tutorials/domain-setup.md", "docs/implementation-technical/overview.md",
    "docs/implementation-technical/audit-trail.md", "docs/implementation-technical/architecture-system/email-system-implementation.md",
    "docs/implementation-technical/api/public-status.md", "docs/implementation-technical/api/platform-api/audit.md",
    "docs/implementation-technical/api/platform-api/queues.md", "docs/implementation-technical/api/tenant-api/audit.md",
    "docs/implementation-technical/api/tenant-api/billing.md", "docs/implementation-technical/api/tenant-smtp/domains.md",
    "docs/implementation-technical/api/tenant-smtp/reputation.md", "docs/technical/integrations/stripe.md",
)
SETTING = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$")
DOTTED = re.compile(r"[a-z]+(?:\.[a-z]+){2,}$")
FILE_NAME = re.compile(r"[\w.…*-]+\.(?:swift|sql|py|js|sh)$")
TEST = re.compile(r"([A-Z]\w*Tests)(?:\.([a-z]\w*))?$")


def faults(root=ROOT):
    """Every fault of every document, as `file:line: what is wrong`."""
    return Checker(root).faults()


class Checker:
    """The documents of one tree, and what they are compared with."""

    def __init__(self, root=ROOT, known=None, required=REQUIRED):
        self.root = root
        self.known = known or docs_known.Known(root)
        self.required = required

    @cached_property
    def documents(self):
        found = [*self.root.glob("*.md"), *(path for folder in ("docs", "Gateway", "Tools", "deploy") for path in (self.root / folder).rglob("*.md"))]
        return [Document.read(path) for path in sorted(found)]

    def faults(self):
        told = [f"{path} is missing, though the product names it" for path in self.required if not (self.root / path).exists()]
        for document in self.documents:
            place = document.path.relative_to(self.root)
            for line, words in self._faults(document):
                told.append(f"{place}:{line}: {words}")
        return told

    def _faults(self, document):
        found = [(link.line, words) for link in document.links for words in self._link(document, link.text)]
        for span in document.spans:
            found += [(span.line, words) for words in self._span(span.text)]
        for block in document.blocks:
            found += [(block.line, words) for words in _block(block)]
        for command in document.commands():
            found += [(command.line, words) for words in docs_commands.faults(command.text, self.known)]
        return sorted(found)

    def _link(self, document, link):
        """A link leads to a file of this tree and to a heading that it has; addresses elsewhere are not asked."""
        place, _, anchor = link.partition("#")
        if re.match(r"[a-z][a-z0-9+.-]*:", place):
            return
        target = (self.root / place.lstrip("/") if place.startswith("/") else document.path.parent / place) if place else document.path
        if not target.exists() or self.root not in (target.resolve(), *target.resolve().parents):
            yield f"the link {link} leads nowhere"
        elif anchor and target.suffix == ".md" and anchor not in self._document(target).anchors:
            yield f"the link {link} names no heading of {place or 'this page'}"

    def _document(self, path):
        path = path.resolve()
        return next((document for document in self.documents if document.path.resolve() == path), None) or Document.read(path)

    def _span(self, text):
        known = self.known
        if known.looks_like_path(text) and not known.has_path(text):
            yield f"there is no {text}"
        elif FILE_NAME.match(text) and not known.has_file(text):
            yield f"no file is named {text}"
        elif match := TEST.match(text):
            if not known.has_test(*match.groups()):
                yield f"there is no test {text}"
        if DOTTED.match(text) and not known.may_be_key(text):
            yield f"no setting is called {text}"
        name = text.partition("=")[0]
        if SETTING.match(name) and not known.has_setting(name):
            yield f"nobody reads {name}"
        if match := re.match(r"((?:GET|HEAD|POST|PUT|PATCH|DELETE)(?:, ?(?:GET|HEAD|POST|PUT|PATCH|DELETE))*) (\S+)", text):
            for method in re.split(", ?", match.group(1)):
                if not known.has_route(method, match.group(2)):
                    yield f"{method} {match.group(2)} is not in the description of the API"
        elif re.match(r"/api/v\d", text) and not known.has_route(None, text.split()[0]):
            yield f"nothing in the description of the API begins with {text}"


def _block(block):
    """What a block's language says that its text must be."""
    if block.language == "json":
        try:
            json.loads(block.text)
        except ValueError as error:
            yield f"the sample is not JSON: {error}"
    if block.language in SHELLS:
        result = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True)
        if result.returncode != 0:
            yield f"a shell cannot read this: {result.stderr.strip().splitlines()[0]}"
