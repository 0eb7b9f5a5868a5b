"""The commands of the documents, compared with the programs that they call: ./penguin's own parser, the description of the API."""

import contextlib
import io
import pkgutil
import re
from functools import cache

from penguin.docs_text import ASSIGNMENT, words

# What may stand behind a bar; anything else there is meant as another command of ours.
FILTERS = ("jq", "grep", "head", "tail", "less", "tee", "python3", "sort", "wc")
VALUES = ("--data", "--data-binary", "--data-raw", "--data-urlencode", "--json", "--form", "-d", "-F")
# Options of curl that take a word, and say nothing about the request's method.
PASSED = (
    "-H", "--header", "-b", "--cookie", "-c", "--cookie-jar", "--cacert", "-o", "--output", "-u", "--user", "-w", "--write-out", "--max-time", "--retry",
)
OURS = re.compile(r"(?:https?://(?:localhost|127\.0\.0\.1|[\w.-]*\.example(?:\.com)?)(?::[\d$\w{}]+)?|\$\{?\w+\}?)(/.*)?$")


def faults(command, known):
    """What a line of a shell or a span says that no program would understand."""
    told = []
    for part in _calls(command):
        parts = words(part)
        while parts and (match := ASSIGNMENT.match(parts[0])):
            name = match.group(1)
            if re.match(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+$", name) and not known.has_setting(name):
                told.append(f"nobody reads {name}")
            parts = parts[1:]
        if parts[:2] in (["swift", "test"], ["swift", "build"], ["./penguin", "test"]):
            told += _swift(parts, known)
        if parts[:1] == ["./penguin"]:
            told += _penguin(parts[1:])
        elif parts[:1] == ["curl"]:
            told += _curl(parts[1:], known)
        if re.fullmatch(r"(?:/usr/bin/)?python3", parts[0] if parts else "") and "-m" in parts[:-1]:
            module = parts[parts.index("-m") + 1]
            if module.startswith("penguin.") and not known.has_path(f"Tools/{module.replace('.', '/')}.py"):
                told.append(f"there is no module {module}")
        told += [f"there is no {word}" for word in parts if known.looks_like_path(word) and not known.has_path(word)]
    return told


def _calls(command):
    """The command, and those inside it from which a value is taken."""
    inner = re.findall(r"\$\(((?:[^()]|\([^()]*\))*)\)", command)
    outer = re.sub(r"\$\((?:[^()]|\([^()]*\))*\)", "$VALUE", command)
    # A function of one line, a loop, a condition: the call stands behind it.
    outer = re.sub(r"^(?:\w+\(\) \{|while|until|if|do|then|else|!)\s+", "", outer)
    outer = re.sub(r"^[a-z_]\w*=(?=\$VALUE)", "", outer)
    for text in (outer, *inner):
        yield from (part.strip() for part in re.split(r"\s(?:&&|\|\||;)\s|;\s", text) if part.strip())


def _swift(parts, known):
    for option, value in zip(parts, parts[1:]):
        if option == "--filter" and not known.has_test_like(value):
            yield f"no test is called {value}"
        if option in ("--product", "--target") and not known.has_path(f"*/{value}"):
            yield f"there is no {option[2:]} {value}"


def _penguin(arguments):
    """`a | b` in a list of commands means either of them, [x] something that may be left out."""
    told = []
    for number, alternative in enumerate(_split(arguments)):
        if number and alternative[:1] and alternative[0] in FILTERS:
            break
        if number == 0 and not alternative:
            # The program itself is meant.
            continue
        for given in _optional(alternative):
            told += _parse(given)
    return told


@cache
def _parser():
    # Not at the top: the commands' own module imports the tests, which import this.
    from penguin.__main__ import parser

    return parser()


def _split(arguments):
    parts = [[]]
    for word in arguments:
        if word in (";", "&", "&&", "||", ">", ">>"):
            break
        if word == "|":
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _optional(words_of_one):
    """With what is in brackets, and without; a word in them that is a hole and not an option is left out."""
    text = " ".join(words_of_one)
    if "[" not in text:
        return [words_of_one]
    without = re.sub(r"\s*\[[^\]]*\]", "", text).split()
    with_options = re.sub(r"\[(-[^\]]*)\]", r"\1", text)
    return [without, re.sub(r"\s*\[[^\]]*\]", "", with_options).split()]


def _parse(given):
    if not given:
        return []
    given = ["1" if re.fullmatch(r"<n>|…", word) else word for word in given]
    told = io.StringIO()
    try:
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
            options, more = _parser().parse_known_args(given)
    except SystemExit as exit:
        words_of_it = told.getvalue().strip().splitlines()[-1].partition("error: ")[2] if exit.code else ""
        # NAME stands for one of the choices.
        is_hole = re.search(r"invalid (?:choice|\w+ value): '[A-Z]+'", words_of_it)
        return [f"./penguin {' '.join(given)}: {words_of_it}"] if words_of_it and not is_hole else []
    if more and not getattr(options, "takes_more", False):
        return [f"./penguin {given[0]} does not take {' '.join(more)}"]
    if given[0] == "bench" and getattr(options, "name", None) not in (None, "NAME", *_benchmarks()):
        return [f"there is no benchmark {options.name}"]
    return []


def _benchmarks():
    import bench

    return [module.name for module in pkgutil.iter_modules(bench.__path__) if not module.ispkg]


def _curl(arguments, known):
    """The request that curl would make: its method follows from -X, else from whether there is a body."""
    method, address, has_body, wants_get = None, None, False, False
    rest = iter(arguments)
    for word in rest:
        if word in ("|", ">", "<", "&", "<<<"):
            break
        if word in ("-X", "--request"):
            method = next(rest, None)
        elif re.match(r"-X\w", word):
            method = word[2:]
        elif word in ("-G", "--get"):
            wants_get = True
        elif word in VALUES:
            has_body = True
            next(rest, None)
        elif word in ("-T", "--upload-file"):
            method = method or "PUT"
            next(rest, None)
        elif word in ("-I", "--head"):
            method = method or "HEAD"
        elif word in PASSED:
            next(rest, None)
        elif not word.startswith("-") and address is None and re.match(r"https?://|\$", word):
            address = word
    if address is None:
        return []
    match = OURS.match(address)
    if match is None:
        # Somebody else's.
        return []
    method = method or ("POST" if has_body and not wants_get else "GET")
    path = match.group(1) or "/"
    return [] if known.has_route(method, path) else [f"{method} {path} is not in the description of the API"]
