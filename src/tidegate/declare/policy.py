"""What a query may not do, whoever wrote it: it reads the tables of its workspace, nothing else.

No parser of KQL runs here. A query is cut into words, signs and texts; whatever is not certainly
harmless is refused. CI has Microsoft's own parser look at the built-in queries.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

PARTS = re.compile(
    r"""
    (?P<gap>\s+ | //[^\n]*)
    | (?P<text>[hH]?(?:
        @"(?:[^"]|"")*" | @'(?:[^']|'')*' | "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*'
        | ```.*?``` | ~~~.*?~~~))
    | (?P<word>[A-Za-z_$][\w$]*)
    | (?P<number>\d[\w.]*)
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)
# Each leads out of the workspace: to a file, an address, another database or an earlier answer.
READS = {"externaldata", "external_data"}
CALLS = {
    "adx",
    "app",
    "arg",
    "cluster",
    "database",
    "external_table",
    "materialized_view",
    "resource",
    "stored_query_result",
    "workspace",
}
# Statements about the request itself, or about where names lead.
STATEMENTS = {"alias", "declare", "pattern", "restrict", "set"}
PLUGINS = {"bag_unpack", "narrow", "pivot"}
QUOTES = "\"'`~"


class Part(NamedTuple):
    """A word, sign or text of a query, and its line."""

    kind: str
    said: str
    line: int


def breaches(kql: str) -> list[str]:
    """Return what the query must not do, one line each: `line 3: externaldata is not allowed`."""
    parts = list(_parts(kql))
    found = [*_commands(kql, parts), *_unread(parts), *_words(parts), *_statements(parts)]
    return list(dict.fromkeys(found))


def _parts(kql: str) -> Iterator[Part]:
    line = 1
    for match in PARTS.finditer(kql):
        kind, said = str(match.lastgroup), match[0]
        if kind != "gap":
            yield Part(kind, said, line)
        line += said.count("\n")


def _commands(kql: str, parts: Sequence[Part]) -> Iterator[str]:
    """Yield lines that begin with a dot or a hash: commands and directives do."""
    first = {part.line: part for part in reversed(parts)}
    for part in first.values():
        if part.said[0] in ".#":
            yield f"line {part.line}: {part.said} begins a command"
    if "\0" in kql:
        yield "line 1: NUL is no sign of a query"


def _unread(parts: Sequence[Part]) -> Iterator[str]:
    """Yield texts that do not end: what stands behind them cannot be judged."""
    for part in parts:
        if part.kind == "sign" and part.said in QUOTES[:3]:
            yield f"line {part.line}: a text that does not end"


def _words(parts: Sequence[Part]) -> Iterator[str]:
    for place, part in enumerate(parts):
        name = _name(parts, place)
        if name in READS:
            yield f"line {part.line}: {name} is not allowed"
        elif name in CALLS and _after(parts, place) == "(":
            yield f"line {part.line}: {name}() is not allowed"
        elif name == "evaluate" and (plugin := _plugin(parts, place)) not in PLUGINS:
            yield f"line {part.line}: evaluate {plugin} is not allowed"


def _name(parts: Sequence[Part], place: int) -> str:
    """Return the name that stands here: a word, or what `['...']` names, in small letters."""
    part = parts[place]
    if part.kind == "text" and place and parts[place - 1].said == "[":
        return part.said.strip("hH@\"'`~").lower()
    return part.said.lower() if part.kind == "word" else ""


def _after(parts: Sequence[Part], place: int) -> str:
    """Return the sign behind a name, and behind its bracket."""
    behind = (part.said for part in parts[place + 1 : place + 3] if part.said != "]")
    return next(behind, "")


def _plugin(parts: Sequence[Part], place: int) -> str:
    """Return the plugin that `evaluate` names, behind its hints: hint.x = y."""
    words = parts[place + 1 :]
    while len(words) > HINT and words[0].said == "hint" and words[1].said == ".":
        words = words[HINT:]
    return words[0].said.lower() if words else ""


HINT = 5


def _statements(parts: Sequence[Part]) -> Iterator[str]:
    """Yield statements other than `let` and the query itself."""
    begins = True
    for part in parts:
        if begins and part.said.lower() in STATEMENTS:
            yield f"line {part.line}: {part.said} is not allowed"
        begins = part.said == ";"
