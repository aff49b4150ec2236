"""The grammar of STIX patterns, as far as it tells which observables a pattern compares.

Boolean structure and qualifiers are checked and then forgotten: `a AND b`, `a OR b` and
`a FOLLOWEDBY b` name the same two observables. But for ports and hashes: a port that is in an AND
with another comparison belongs to it, and what is in one with a file's hash may only describe that
file. Every token is read once.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

DEEPEST = 32  # parentheses within parentheses
TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^'\\]|\\.)*')
    | (?P<typed>[tbh]'[^'\\]*')
    | (?P<path>[a-z][a-z0-9-]*:(?:[\w-]+|'[^']*')(?:\.(?:[\w-]+|'[^']*')|\[(?:\*|\d+)\])*)
    | (?P<number>[+-]?\d+(?:\.\d+)?)
    | (?P<word>[A-Za-z]+)
    | (?P<operator>[=<>!]{1,2})
    | (?P<mark>[][(),])
    )""",
    re.VERBOSE | re.DOTALL,
)
PORT, MOST_PORTS = "network-traffic:dst_port", 16  # of one AND; more say nothing of a host
NUMBER = re.compile(r"[0-9]{1,5}\Z")
HASH = "file:hashes"
ESCAPED = re.compile(r"\\(['\\])")
JOINS = {"AND", "OR", "FOLLOWEDBY"}
EQUAL = {"=", "==", "!=", "<>", "<", "<=", ">", ">="}
VALUED = {"=", "IN", "ISSUBSET"}
WORDED = {"IN", "LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET"}
QUALIFIERS = {
    "START": ("typed", "STOP", "typed"),
    "WITHIN": ("number", "SECONDS"),
    "REPEATS": ("number", "TIMES"),
}


class Malformed(Exception):
    """The text is no STIX pattern."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`path operator values`: one value, or those of a set. EXISTS has the path as its value.

    `beside` are the destination ports that are in an AND with it, as digits; `hashed` tells that
    a file's hash is.
    """

    path: str
    operator: str
    values: tuple[str, ...]
    negated: bool = False
    beside: tuple[str, ...] = ()
    hashed: bool = False

    @property
    def says(self) -> bool:
        """Whether it names what is, not what is not or what merely looks like it."""
        return self.operator in VALUED and not self.negated

    @property
    def ports(self) -> set[str]:
        """The destination ports that it names."""
        says = self.path == PORT and self.operator in {"=", "IN"} and not self.negated
        return {value for value in self.values if NUMBER.match(value)} if says else set()


Part = Callable[[int], Iterator[Comparison]]


def comparisons(pattern: str) -> list[Comparison]:
    """Return all comparisons of a pattern, in their order. Raises Malformed."""
    reader = _Reader(_tokens(pattern))
    found = list(reader.observations(0))
    reader.expect("end")
    return found


def _tokens(pattern: str) -> Iterator[tuple[str, str]]:
    at, end = 0, len(pattern.rstrip())
    while at < end:
        match = TOKEN.match(pattern, at)
        if match is None or match.lastgroup is None:
            raise Malformed(f"at character {at}")
        yield match.lastgroup, match[match.lastgroup]
        at = match.end()
    yield "end", ""


class _Reader:
    """Reads tokens by recursive descent. `kind` and `text` are of the token that comes next."""

    def __init__(self, tokens: Iterator[tuple[str, str]]) -> None:
        self.tokens = tokens
        self.kind, self.text = next(tokens)

    def take(self) -> str:
        taken = self.text
        self.kind, self.text = next(self.tokens, ("end", ""))
        return taken

    def accept(self, *texts: str) -> bool:
        """Take the next token if it is a mark, operator or word of these."""
        if self.kind not in {"mark", "word", "operator"} or self.text.upper() not in texts:
            return False
        self.take()
        return True

    def expect(self, kind_or_text: str) -> str:
        if kind_or_text not in {self.kind, self.text.upper()}:
            raise Malformed(f"{self.text!r} where {kind_or_text} is due")
        return self.take()

    def observations(self, depth: int) -> Iterator[Comparison]:
        """Read observations with AND, OR or FOLLOWEDBY between them."""
        yield from self.observation(depth)
        while self.accept(*JOINS):
            yield from self.observation(depth)

    def observation(self, depth: int) -> Iterator[Comparison]:
        """`[comparison ...]` or `(observation ...)`, with its qualifiers."""
        if self.accept("["):
            yield from self.alternatives(depth)
            self.expect("]")
        else:
            yield from self.inner(self.observations, depth)
        while self.kind == "word" and self.text.upper() in QUALIFIERS:
            for part in QUALIFIERS[self.take().upper()]:
                self.expect(part)

    def inner(self, part: Part, depth: int) -> Iterator[Comparison]:
        """Read what stands in parentheses."""
        if depth >= DEEPEST:
            raise Malformed("too deep")
        self.expect("(")
        yield from part(depth + 1)
        self.expect(")")

    def alternatives(self, depth: int) -> Iterator[Comparison]:
        """`comparison AND comparison OR ...`: AND binds the tighter."""
        yield from self.together(depth)
        while self.accept("OR"):
            yield from self.together(depth)

    def together(self, depth: int) -> list[Comparison]:
        parts = [list(self.comparison(depth))]
        while self.accept("AND"):
            parts.append(list(self.comparison(depth)))
        return parts[0] if len(parts) == 1 else _with_hash(_with_ports(parts))

    def comparison(self, depth: int) -> Iterator[Comparison]:
        """`path [NOT] operator value`, `[NOT] EXISTS path` or `(comparison ...)`."""
        if (self.kind, self.text) == ("mark", "("):
            yield from self.inner(self.alternatives, depth)
            return
        negated = self.accept("NOT")
        if self.accept("EXISTS"):
            path = self.expect("path")
            yield Comparison(path, "EXISTS", (path,), negated)
            return
        path = self.expect("path")
        negated = self.accept("NOT") or negated
        operator = self.operator()
        yield Comparison(path, operator, tuple(self.values(operator)), negated)

    def operator(self) -> str:
        if (self.kind, self.text) == ("operator", "=="):
            self.take()
            return "="
        if self.kind == "operator" and self.text in EQUAL:
            return self.take()
        if self.kind == "word" and self.text.upper() in WORDED:
            return self.take().upper()
        raise Malformed(f"{self.text!r} is no operator")

    def values(self, operator: str) -> Iterator[str]:
        if operator != "IN":
            yield self.value()
            return
        self.expect("(")
        yield self.value()
        while self.accept(","):
            yield self.value()
        self.expect(")")

    def value(self) -> str:
        kind, text = self.kind, self.take()
        if kind == "text":
            return ESCAPED.sub(r"\1", text[1:-1])
        if kind == "typed":
            return text[2:-1]
        if kind == "number" or (kind == "word" and text.lower() in {"true", "false"}):
            return text
        raise Malformed(f"{text!r} is no value")


def _with_ports(parts: list[list[Comparison]]) -> list[Comparison]:
    """Give each part of an AND the ports that the others name."""
    ports = [{port for one in part for port in one.ports} for part in parts]
    if not 0 < sum(map(len, ports)) <= MOST_PORTS:
        return [one for part in parts for one in part]
    everything = set[str]().union(*ports)
    return [
        replace(one, beside=tuple(sorted({*one.beside, *(everything - own)})))
        for part, own in zip(parts, ports, strict=True)
        for one in part
    ]


def _with_hash(found: list[Comparison]) -> list[Comparison]:
    """Mark the comparisons of an AND in which there is a file's hash."""
    if not any(one.path.startswith(HASH) and one.says for one in found):
        return found
    return [replace(one, hashed=True) for one in found]
