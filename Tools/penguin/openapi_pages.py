"""The description of the API as files that the gateway serves: the document, and pages for people that need no scripts."""

import json
import re
import shutil
from html import escape
from http import HTTPStatus

from penguin.openapi import FOLDER, METHODS, Description

STYLE = FOLDER / "docs.css"
BASE = "/api/docs"
ABOUT_SCHEMES = {"Session": "a session", "CSRF": "the CSRF token", "ApiKey": "an API key"}


def write(folder, description=None):
    """Makes `openapi.json` and `docs/` in the folder, and gives it back."""
    description = description or Description.load()
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    pages = partial / "docs"
    pages.mkdir(parents=True)
    (partial / "openapi.json").write_text(description.text())
    for name, text in _Pages(description.document).all():
        (pages / name).write_text(text)
    shutil.copyfile(STYLE, pages / "docs.css")
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return folder


def slug(tag):
    return re.sub(r"[^a-z0-9]+", "-", tag.lower()).strip("-")


class _Pages:
    def __init__(self, document):
        self._document = document
        self._by_tag = {tag["name"]: [] for tag in document["tags"]}
        for path, item in document["paths"].items():
            for method in METHODS:
                for tag in item.get(method, {}).get("tags", []):
                    self._by_tag.setdefault(tag, []).append((path, method, item[method]))

    def all(self):
        yield "index.html", self._index()
        for tag in self._document["tags"]:
            yield f"{slug(tag['name'])}.html", self._tag(tag)
        yield "schemas.html", self._schemas()

    def _page(self, title, body, here=None):
        links = [("Overview", BASE, here is None)]
        links += [(tag["name"], f"{BASE}/{slug(tag['name'])}.html", tag["name"] == here) for tag in self._document["tags"]]
        links += [("Schemas", f"{BASE}/schemas.html", here == "Schemas")]
        mark = ' aria-current="page"'
        items = "\n".join(f'<li><a href="{address}"{mark if current else ""}>{escape(words)}</a></li>' for words, address, current in links)
        return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{escape(title if here is None else f"{title} – {self._document['info']['title']}")}</title>
<link rel="stylesheet" href="{BASE}/docs.css">
</head>
<body>
<a class="skip" href="#content">To the content</a>
<nav aria-label="Parts of the API">
<ul>
{items}
</ul>
</nav>
<main id="content">
<h1>{escape(title)}</h1>
{body}
</main>
</body>
</html>
"""

    def _index(self):
        info = self._document["info"]
        parts = [_prose(info.get("description", "")), '<p><a href="/api/v1/openapi.json">The whole description as one document</a> (OpenAPI 3.1).</p>']
        parts.append("<h2>Ways to say who you are</h2>\n<dl>")
        for name, scheme in self._document["components"].get("securitySchemes", {}).items():
            parts.append(f"<dt>{escape(_begun(ABOUT_SCHEMES.get(name, name)))}</dt><dd>{_inline(scheme.get('description', ''))}</dd>")
        parts.append("</dl>\n<h2>Parts</h2>")
        for tag in self._document["tags"]:
            rows = [
                (f'<a href="{BASE}/{slug(tag["name"])}.html#{operation["operationId"]}"><code>{method.upper()} {escape(path)}</code></a>',
                 _inline(operation["summary"]))
                for path, method, operation in self._by_tag[tag["name"]]
            ]
            parts.append(f"<h3>{escape(tag['name'])}</h3>\n{_prose(tag.get('description', ''))}")
            parts.append(_table(f"Operations: {tag['name']}", ("Operation", "What it does"), rows))
        return self._page(info["title"], "\n".join(parts))

    def _tag(self, tag):
        sections = [self._operation(path, method, operation) for path, method, operation in self._by_tag[tag["name"]]]
        return self._page(tag["name"], _prose(tag.get("description", "")) + "\n" + "\n".join(sections), tag["name"])

    def _operation(self, path, method, operation):
        name = operation["operationId"]
        parts = [f'<section aria-labelledby="{name}">', f'<h2 id="{name}">{_inline(operation["summary"])}</h2>']
        parts.append(f'<p class="call"><code><b>{method.upper()}</b> {escape(path)}</code></p>')
        if operation.get("deprecated"):
            parts.append("<p><strong>Deprecated:</strong> new clients use another operation.</p>")
        parts.append(_prose(operation.get("description", "")))
        parts.append(f"<p>Needs {self._needs(operation.get('security', self._document.get('security', [])))}.</p>")
        rows = []
        for parameter in map(self._followed, operation.get("parameters", [])):
            must = "yes" if parameter.get("required") else "no"
            rows.append((
                f"<code>{escape(parameter['name'])}</code>", escape(parameter["in"]), self._type(parameter.get("schema", {})), must,
                _inline(parameter.get("description", ""))))
        if rows:
            parts += ["<h3>Parameters</h3>", _table("Parameters", ("Name", "Where", "Type", "Required", "Meaning"), rows)]
        if "requestBody" in operation:
            parts += ["<h3>Body</h3>", self._contents(self._followed(operation["requestBody"]).get("content", {}))]
        parts += ["<h3>Answers</h3>", self._answers(operation["responses"]), "</section>"]
        return "\n".join(part for part in parts if part)

    def _needs(self, security):
        if not security:
            return "nothing: anybody may ask"
        ways = []
        for way in security:
            words = []
            for scheme, scopes in way.items():
                named = ", ".join(f"<code>{escape(scope)}</code>" for scope in scopes)
                words.append(ABOUT_SCHEMES.get(scheme, scheme) + (f" with the scope {named}" if named else ""))
            ways.append(" and ".join(words) or "nothing")
        return ", or ".join(ways)

    def _answers(self, answers):
        rows, examples = [], []
        for status, answer in answers.items():
            followed = self._followed(answer)
            kinds = [f"{self._type(content.get('schema', {}))} (<code>{escape(kind)}</code>)" for kind, content in followed.get("content", {}).items()]
            headers = "".join(
                f"<br>Header <code>{escape(name)}</code>: {_inline(self._followed(header).get('description', ''))}"
                for name, header in followed.get("headers", {}).items())
            rows.append((escape(_status(status)), _inline(answer.get("description") or followed["description"]) + headers, "<br>".join(kinds)))
            # What every operation may answer is shown once, by the link.
            if "$ref" not in answer:
                examples += self._examples(followed.get("content", {}), f"Example: {_status(status)}")
        return _table("Answers", ("Status", "Meaning", "Content"), rows) + "\n".join(examples)

    def _contents(self, contents):
        parts = []
        for kind, content in contents.items():
            schema = content.get("schema", {})
            parts.append(f"<p><code>{escape(kind)}</code>: {self._type(schema)}</p>")
            parts.append(self._members(schema, kind))
            parts += self._examples({kind: content}, "Example")
        return "\n".join(part for part in parts if part)

    def _examples(self, contents, title):
        parts = []
        for content in contents.values():
            named = [("", content["example"])] if "example" in content else []
            named += [(f" ({name})", example["value"]) for name, example in content.get("examples", {}).items() if "value" in example]
            for more, value in named:
                text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
                parts.append(f'<details><summary>{escape(title + more)}</summary><pre tabindex="0"><code>{escape(text)}</code></pre></details>')
        return parts

    def _schemas(self):
        parts = []
        for name, schema in self._document["components"].get("schemas", {}).items():
            parts.append(f'<section aria-labelledby="{name}">\n<h2 id="{name}">{escape(name)}</h2>')
            parts.append(_prose(schema.get("description", "")))
            parts.append(self._members(schema, name) or f"<p>{self._type(schema)}</p>")
            for example in schema.get("examples", [])[:1]:
                text = json.dumps(example, indent=2, ensure_ascii=False)
                parts.append(f'<details><summary>Example</summary><pre tabindex="0"><code>{escape(text)}</code></pre></details>')
            parts.append("</section>")
        return self._page("Schemas", "\n".join(part for part in parts if part), "Schemas")

    def _members(self, schema, title):
        rows = list(self._rows(self._followed(schema)))
        return _table(f"Members of {title}", ("Name", "Type", "Always there", "Meaning"), rows) if rows else ""

    def _rows(self, schema, prefix="", depth=0):
        for part in schema.get("allOf", []):
            yield from self._rows(self._followed(part), prefix, depth)
        for name, member in schema.get("properties", {}).items():
            must = "yes" if name in schema.get("required", []) else "no"
            yield (f"<code>{escape(prefix + name)}</code>", self._type(member), must, _inline(member.get("description", "")))
            inner, more = (member, ".") if "properties" in member else (member.get("items", {}), "[].")
            if isinstance(inner, dict) and depth < 4:
                yield from self._rows(inner, prefix + name + more, depth + 1)

    def _followed(self, value):
        while "$ref" in value:
            target = self._document
            for step in value["$ref"][2:].split("/"):
                target = target[step.replace("~1", "/").replace("~0", "~")]
            value = target
        return value

    def _type(self, schema):
        """In words, as HTML; a schema with a name as a link."""
        if not isinstance(schema, dict):
            return "anything"
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[-1]
            return f'<a href="{BASE}/schemas.html#{name}">{escape(name)}</a>'
        for key, joint in (("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")):
            if key in schema:
                return joint.join(self._type(part) for part in schema[key])
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else list(kinds)
        if "const" in schema:
            return f"<code>{escape(json.dumps(schema['const']))}</code>"
        words = " or ".join({"array": "list", "integer": "whole number"}.get(kind, kind) for kind in kinds) or "anything"
        if "array" in kinds and "items" in schema:
            words += f" of {self._type(schema['items'])}"
        if "enum" in schema:
            words += ": " + ", ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
        return words + "".join(f", {escape(limit)}" for limit in _limits(schema))


def _begun(words):
    """As at the beginning of a sentence."""
    return words[:1].upper() + words[1:]


def _limits(schema):
    if "format" in schema:
        yield schema["format"]
    for low, high, unit in (("minLength", "maxLength", " characters"), ("minimum", "maximum", ""), ("minItems", "maxItems", " items")):
        if low in schema and high in schema:
            yield f"{schema[low]} to {schema[high]}{unit}"
        elif low in schema:
            yield f"at least {schema[low]}{unit}"
        elif high in schema:
            yield f"at most {schema[high]}{unit}"
    if "pattern" in schema:
        yield f"as {schema['pattern']}"
    if "default" in schema:
        yield f"{json.dumps(schema['default'])} where left out"


def _status(status):
    try:
        return f"{status} {HTTPStatus(int(status)).phrase}"
    except ValueError:
        return "Anything else" if status == "default" else status


def _table(caption, heads, rows):
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{escape(word)}</th>' for word in heads)
    body = "\n".join(f'<tr><th scope="row">{row[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in row[1:]) + "</tr>" for row in rows)
    # Whoever has only a keyboard scrolls what is wider than the page.
    return (
        f'<div class="wide" role="region" aria-label="{escape(caption)}" tabindex="0"><table><caption>{escape(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>")


def _prose(text):
    """Paragraphs and lists; of Markdown only what descriptions use."""
    parts = []
    for block in re.split(r"\n\s*\n", text.strip()):
        if not block:
            continue
        lines = block.split("\n")
        if all(line.lstrip().startswith("- ") for line in lines):
            parts.append("<ul>" + "".join(f"<li>{_inline(line.lstrip()[2:])}</li>" for line in lines) + "</ul>")
        else:
            parts.append(f"<p>{_inline(block)}</p>")
    return "\n".join(parts)


def _inline(text):
    """`code`, **strong**; everything else is text."""
    pieces = re.split(r"`([^`]+)`", text)
    result = ""
    for number, piece in enumerate(pieces):
        if number % 2:
            result += f"<code>{escape(piece)}</code>"
        else:
            result += re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(piece))
    return result
