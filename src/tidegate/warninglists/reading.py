"""One MISP warninglist: what its JSON says, checked, with entries in canonical spelling."""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
import polars as pl

from tidegate.canonical import Rejected, canonical, public_suffixes
from tidegate.model import Kind

WIDEST = 4
SHORTEST = 4
NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\Z")
SLUG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z")
PHP_PATTERN = re.compile(r"/(.*)/([a-z]*)\Z", re.DOTALL)
BARE_URL = re.compile(r"[a-z0-9.+-]+://([^/@:?\[]+)/\Z")
FLAGS = frozenset("imsux")

ADDRESSES = frozenset({Kind.IPV4, Kind.IPV6, Kind.CIDR})
HASHES = {"md5": Kind.MD5, "sha1": Kind.SHA1, "sha256": Kind.SHA256}
ATTRIBUTES: dict[str, frozenset[Kind]] = {
    **dict.fromkeys(("ip-src", "ip-dst", "ip-src|port", "ip-dst|port"), ADDRESSES),
    # A list of addresses names `ip-src`, too; one of names would cost every address a look.
    **dict.fromkeys(("domain", "hostname", "hostname|port", "domain|ip"), frozenset({Kind.DOMAIN})),
    **dict.fromkeys(("url", "uri", "link"), frozenset({Kind.URL})),
    **dict.fromkeys(("email", "email-src", "email-dst"), frozenset({Kind.EMAIL})),
    **{name: frozenset({kind}) for name, kind in HASHES.items()},
    **{f"filename|{name}": frozenset({kind}) for name, kind in HASHES.items()},
}


class BadList(ValueError):
    """Why a list is not used: its name and the reason."""


class Match(StrEnum):
    """How a list's entries are compared, in MISP's words."""

    CIDR = "cidr"
    HOSTNAME = "hostname"
    STRING = "string"
    SUBSTRING = "substring"
    REGEX = "regex"


class Use(StrEnum):
    """What a hit means: not an indicator, or merely an identity worth showing."""

    FALSE_POSITIVE = "false_positive"
    KNOWN = "known"


class How(StrEnum):
    """How one compiled entry matches."""

    NETWORK = "network"
    BELOW = "below"
    EXACT = "exact"
    SUBSTRING = "substring"
    REGEX = "regex"


# What the kinds of a list can be at all, by its type.
POSSIBLE = {
    Match.CIDR: ADDRESSES | {Kind.URL},
    Match.HOSTNAME: frozenset({Kind.DOMAIN, Kind.URL, Kind.EMAIL}),
}


@dataclass(frozen=True, slots=True)
class Treat:
    """How we use a list; None leaves it to what the list itself says.

    `reaches` are kinds that it suppresses beyond its own: `url` those whose host it lists, `cidr`
    networks that merely touch an address of it. Without, a page on a listed host is kept: what
    everybody uses may well carry malware. `reason` is what a person is told instead of its name.
    """

    use: Use | None = None
    reaches: frozenset[Kind] = frozenset()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Warninglist:
    """A list under its short name; `entries` are (how, text) in canonical spelling."""

    name: str
    title: str
    version: str
    match: Match
    use: Use
    kinds: frozenset[Kind]
    reaches: frozenset[Kind]
    entries: tuple[tuple[How, str], ...]
    skipped: int = 0
    reason: str | None = None


def parse(name: str, payload: bytes, treat: Treat | None = None) -> Warninglist:
    """Read a list. Raises BadList; single entries that make no sense are skipped and counted."""
    raw = _fields(name, payload)
    treat = treat or Treat()
    match, kinds = _match(name, raw), _kinds(raw)
    texts = [text.strip() for text in raw["list"] if isinstance(text, str)]
    try:
        found = list(dict.fromkeys(_entries(match, kinds, filter(None, texts))))
    except BadList as bad:
        raise BadList(f"{name}: {bad}") from bad
    if not found:
        raise BadList(f"{name}: no entry that can be used")
    return Warninglist(
        name=name,
        title=str(raw.get("name") or name),
        version=str(raw.get("version", "")),
        match=match,
        use=treat.use or _use(raw),
        kinds=kinds & POSSIBLE.get(match, frozenset(Kind)),
        reaches=treat.reaches,
        entries=tuple(found),
        skipped=max(len(raw["list"]) - len(found), 0),
        reason=treat.reason,
    )


def _fields(name: str, payload: bytes) -> dict[str, Any]:
    if not SLUG.match(name):
        raise BadList(f"{name!r} is not a list's name")
    try:
        raw = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise BadList(f"{name}: not JSON: {error}") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("list"), list):
        raise BadList(f"{name}: not a warninglist")
    return raw


def _match(name: str, raw: dict[str, Any]) -> Match:
    try:
        return Match(raw.get("type", "string"))
    except ValueError as error:
        raise BadList(f"{name}: unknown type {raw['type']!r}") from error


def _use(raw: dict[str, Any]) -> Use:
    return Use.KNOWN if raw.get("category") == Use.KNOWN else Use.FALSE_POSITIVE


def _kinds(raw: dict[str, Any]) -> frozenset[Kind]:
    """The kinds that its attributes mean; a list that names none is for everything."""
    names = raw.get("matching_attributes")
    if not isinstance(names, list) or not names:
        return frozenset(Kind)
    return frozenset[Kind]().union(*(ATTRIBUTES.get(str(name), frozenset()) for name in names))


def _entries(
    match: Match, kinds: frozenset[Kind], texts: Iterable[str]
) -> Iterator[tuple[How, str]]:
    match match:
        case Match.CIDR:
            return _networks(texts)
        case Match.HOSTNAME:
            return (entry for text in texts for entry in _below(text))
        case Match.STRING:
            return (entry for text in texts for entry in _exact(text, kinds))
        case Match.SUBSTRING:
            # "." or "com" would be in everything.
            return ((How.SUBSTRING, t.lower()) for t in texts if len(t) >= SHORTEST)
        case Match.REGEX:
            return _patterns(texts)


def _networks(texts: Iterable[str]) -> Iterator[tuple[How, str]]:
    for text in texts:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            continue
        if network.prefixlen < WIDEST:
            raise BadList(f"{text} would suppress a large part of all addresses")
        yield How.NETWORK, str(network)


def _below(text: str) -> Iterator[tuple[How, str]]:
    """A name with all below it; alone if anybody may register below it, such as `github.io`."""
    name = _name(text)
    if name is not None:
        alone = name in public_suffixes() or "." not in name
        yield (How.EXACT if alone else How.BELOW), name


def _name(text: str) -> str | None:
    name = text.lower().removeprefix("*").strip(".")
    if not name.isascii():
        try:
            return canonical(Kind.DOMAIN, name)[1]
        except Rejected:
            return None
    return name if NAME.match(name) else None


def _exact(text: str, kinds: frozenset[Kind]) -> Iterator[tuple[How, str]]:
    if "://" in text:
        yield from _url(text)
    elif text.startswith(".") and Kind.DOMAIN in kinds:
        yield from _below(text)  # MISP's Google list means `.google.com` so
    elif "@" in text:
        yield How.EXACT, text
    else:
        yield How.EXACT, text.lower() if text.isascii() else _name(text) or text


def _url(text: str) -> Iterator[tuple[How, str]]:
    try:
        _, value = canonical(Kind.URL, text)
    except Rejected:
        return
    bare = BARE_URL.match(value)
    yield How.EXACT, bare[1] if bare else value


def _patterns(texts: Iterable[str]) -> Iterator[tuple[How, str]]:
    """Patterns for Rust's regex engine, which is linear; MISP writes some as `/…/i`."""
    read = [_pattern(text) for text in texts]
    matches(either(read), "")  # each may be small enough, and all together too large
    return ((How.REGEX, pattern) for pattern in read)


def either(patterns: Iterable[str]) -> str:
    """Return the pattern that matches what any of these matches."""
    return "|".join(f"(?:{pattern})" for pattern in patterns)


def _pattern(text: str) -> str:
    php = PHP_PATTERN.match(text)
    inner, flags = (php[1], php[2]) if php else (text, "")
    if set(flags) - FLAGS:
        raise BadList(f"pattern {text!r}: unknown flag")
    pattern = f"(?{flags}:{inner})" if flags else inner
    if matches(pattern, "")[0]:
        raise BadList(f"pattern {text!r} matches everything")
    return pattern


def matches(pattern: str, *texts: str) -> list[bool]:
    """Say which texts the pattern matches. Raises BadList when it does not compile."""
    try:
        return pl.Series(texts, dtype=pl.String).str.contains(pattern).to_list()
    except pl.exceptions.ComputeError as error:
        reason = str(error).partition("\n\nThis error")[0].strip().splitlines()[-1]
        raise BadList(f"pattern {pattern!r}: {reason}") from error
