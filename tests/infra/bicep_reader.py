"""Reads Bicep as far as our files speak it: declarations, what is given, which names are used."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TOKEN = re.compile(
    r"(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<line>\n)|(?P<space>[^\S\n]+)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<number>\d+)|(?P<sign>=>|==|!=|<=|>=|&&|\|\||\?\?|\.\?|\.\.\.|[-+*/%!<>=?:.,@(){}\[\]|])",
    re.DOTALL,
)
STARTS = {"param", "var", "module", "resource", "output", "import", "func", "type", "using"}
STARTS |= {"targetScope", "@"}
PAIRS = {")": "(", "]": "[", "}": "{"}


class Unreadable(ValueError):
    """It is no Bicep."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the file. A string's has the tokens of what is filled into it."""

    kind: str
    text: str
    line: int
    inside: tuple["Token", ...] = ()


@dataclass(frozen=True, slots=True)
class Declared:
    """A statement: `keyword name ...`, and the tokens after its name."""

    keyword: str
    name: str
    line: int
    rest: tuple[Token, ...]

    @property
    def required(self) -> bool:
        """Whether this parameter has no default, and may not be null."""
        return not any(one.text in {"=", "?"} for one in _outside(self.rest))

    @property
    def source(self) -> str:
        """Where this module comes from, or which type this resource is of."""
        return next(one.text for one in self.rest if one.kind == "string")

    @property
    def given(self) -> dict[str, tuple[Token, ...]]:
        """What this module is given: the entries of its `params`."""
        return entries(self.body.get("params", ()))

    @property
    def body(self) -> dict[str, tuple[Token, ...]]:
        """The entries of what this resource, or this module, is."""
        return entries(_body(self.rest))

    @property
    def label(self) -> str:
        """The name of this module's deployment."""
        return "".join(one.text for one in self.body.get("name", ()))


@dataclass
class File:
    """What a file declares."""

    declared: list[Declared] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)

    def of(self, keyword: str) -> dict[str, Declared]:
        """Return the declarations of one keyword, by their names."""
        return {one.name: one for one in self.declared if one.keyword == keyword}

    @property
    def used(self) -> set[str]:
        """Every name that stands anywhere but as the name of a declaration or after a dot."""
        spoken = list(walk(self.tokens))
        pairs = zip([Token("line", "\n", 0), *spoken], spoken, strict=False)
        return {
            after.text
            for before, after in pairs
            if after.kind == "name" and before.text not in {".", ".?", *STARTS - {"@"}}
        }


def read(text: str) -> File:
    """Read a file. Raises Unreadable where brackets or strings do not close."""
    found = list(_tokens(text))
    _balanced(found)
    return File([_declared(one) for one in _statements(found) if one[0].text != "@"], found)


def plain(tokens: tuple[Token, ...]) -> str:
    """Return an expression on one line."""
    return " ".join(one.text for one in tokens if one.kind != "line")


def walk(tokens: list[Token]) -> Iterator[Token]:
    """Yield the tokens, and after each string what is filled into it."""
    for one in tokens:
        yield one
        yield from walk(list(one.inside))


def entries(body: tuple[Token, ...]) -> dict[str, tuple[Token, ...]]:
    """Return the entries of an object that these tokens begin with."""
    found: dict[str, list[Token]] = {}
    key, depth, before = "", 0, ""
    for at, one in enumerate(body):
        depth -= one.text in PAIRS and one.kind == "sign"
        if depth == 0 and at:
            break
        after = body[at + 1].text if at + 1 < len(body) else ""
        if depth == 1 and before in {"{", ",", "\n"} and after == ":":
            key = one.text
            found[key] = []
        elif key and not (depth == 1 and one.text == ","):
            found[key].append(one)
        depth += one.text in PAIRS.values() and one.kind == "sign"
        before = one.text
    return {name: _trimmed(value[1:]) for name, value in found.items()}


def _trimmed(value: list[Token]) -> tuple[Token, ...]:
    return tuple(one for one in value if one.kind != "line") if len(value) < 3 else tuple(value)


def _tokens(text: str, at: int = 0, line: int = 1) -> Iterator[Token]:
    while at < len(text):
        if text[at] == "'":
            token, at = _string(text, at, line)
            yield token
            continue
        found = TOKEN.match(text, at)
        if found is None:
            raise Unreadable(f"{line}: near {text[at]!r}")
        kind = str(found.lastgroup)
        if kind not in {"comment", "space"}:
            yield Token(kind, found[0], line)
        line += found[0].count("\n")
        at = found.end()


def _string(text: str, start: int, line: int) -> tuple[Token, int]:
    """Read a string; `${` begins what is filled in, which may have strings itself."""
    at, inside = start + 1, []
    while at < len(text) and text[at] not in "'\n":
        if text[at] == "\\":
            at += 2
        elif text.startswith("${", at):
            end = _filled(text, at + 2, line)
            inside += list(_tokens(text[at + 2 : end], 0, line))
            at = end + 1
        else:
            at += 1
    if at >= len(text) or text[at] == "\n":
        raise Unreadable(f"{line}: a string does not end")
    return Token("string", text[start + 1 : at], line, tuple(inside)), at + 1


def _filled(text: str, at: int, line: int) -> int:
    depth = 1
    while at < len(text) and text[at] != "\n":
        if text[at] == "'":
            _, at = _string(text, at, line)
            continue
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
        at += 1
    raise Unreadable(f"{line}: what is filled in does not end")


def _balanced(tokens: list[Token]) -> None:
    opened: list[Token] = []
    for one in tokens:
        if one.kind == "sign" and one.text in PAIRS.values():
            opened.append(one)
            continue
        closes = one.kind == "sign" and one.text in PAIRS
        if closes and (not opened or opened.pop().text != PAIRS[one.text]):
            raise Unreadable(f"{one.line}: {one.text} closes nothing")
    if opened:
        raise Unreadable(f"{opened[-1].line}: {opened[-1].text} is not closed")


def _statements(tokens: list[Token]) -> Iterator[list[Token]]:
    current: list[Token] = []
    depth, before = 0, "line"
    for one in tokens:
        starts = before == "line" and one.text in STARTS and one.kind != "string"
        if starts and depth == 0 and current:
            yield current
            current = []
        before, depth = one.kind, depth + _deeper(one)
        if current or one.kind != "line":
            current.append(one)
    if current:
        yield current


def _deeper(one: Token) -> int:
    return 0 if one.kind != "sign" else (one.text in PAIRS.values()) - (one.text in PAIRS)


def _declared(statement: list[Token]) -> Declared:
    first = statement[0]
    if first.text not in STARTS:
        raise Unreadable(f"{first.line}: {first.text} begins no declaration")
    named = statement[1] if len(statement) > 1 and statement[1].kind == "name" else None
    rest = statement[2:] if named else statement[1:]
    return Declared(first.text, named.text if named else "", first.line, tuple(rest))


def _outside(tokens: tuple[Token, ...]) -> Iterator[Token]:
    depth = 0
    for one in tokens:
        depth += _deeper(one)
        if depth == 0:
            yield one


def _body(rest: tuple[Token, ...]) -> tuple[Token, ...]:
    at = next((at for at, one in enumerate(rest) if one.text == "{" and one.kind == "sign"), None)
    return () if at is None else rest[at:]
