"""Indicators in free text: reports, mails, tickets; defanged or not.

First the text is cut into the few words that may hold one, then each shape is looked for in those
alone, and what it took is gone for the next: the host of a URL is no domain of its own. All of it
runs on an automaton whose time is linear in the text, whatever that says.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

import polars as pl

from tidegate.canonical import Rejected, address, public_suffixes, refang

WORD = "[^\\s<>\"'`|]+"
MARKED = r"(?i)[.:\])}].|[0-9a-f]{32}|CVE-[0-9]{4}-[0-9]|AS[0-9]"
DOT = r"(?:\.|\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\))"
AT = r"(?:@|\[@\]|\[at\]|\(at\))"
EDGE = r"(?-u:\b)"
HOST = rf"(?:[a-z0-9_][a-z0-9_-]*{DOT})+[a-z][a-z0-9-]*[a-z0-9]"
V4 = rf"{EDGE}[0-9]+(?:{DOT}[0-9]+){{3}}"
VERSION = rf"{EDGE}v?[0-9]+(?:{DOT}[0-9]+){{3,}}"
SCHEME = r"(?:h(?:tt|xx)ps?|s?ftps?|fxp)(?:\[:\]|:|\[:)//\]?"
SHAPES = {
    "url": rf"{SCHEME}[^\s]+",
    "email": rf"[a-z0-9][a-z0-9._%+-]*{AT}{HOST}",
    # Before addresses and hashes, which names may begin with.
    "domain": rf"{EDGE}{HOST}",
    "ipv6": r"[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*(?:/[0-9]+)?",
    # Version numbers are taken here, too, and left out below.
    "address": rf"{VERSION}(?:[:/][0-9]+)?",
    "hash": rf"{EDGE}[0-9a-f]{{32,}}{EDGE}",
    "cve": rf"{EDGE}CVE-[0-9]{{4}}-[0-9]{{4,19}}{EDGE}",
    "asn": rf"{EDGE}AS[1-9][0-9]{{0,9}}{EDGE}",
}
WHOLE_ADDRESS = rf"(?i)^{V4}(?:/[0-9]+)?$"
SOCKET = rf"(?i)^{V4}:[0-9]+$"
HASH_LENGTHS = [32, 40, 64]
TRAILING = ".,;:!?*"
BRACKETS = {")": "(", "]": "[", "}": "{"}
# Top-level domains that in a report are mostly the ends of file names.
FILES = ["zip", "sh", "py", "md", "mov", "ps", "so", "cab"]
VALUE = pl.col("value")


def rows(text: str) -> list[dict[str, Any]]:
    """Return the candidates of a text as rows of a feed."""
    return extract(text).to_dicts()


def extract(text: str) -> pl.DataFrame:
    """Return the columns `shape` and `value` of all candidates, each different one once."""
    # Not one pattern for both: that would read on to the end for every word that it takes.
    words = _found(pl.Series("value", text.splitlines(), dtype=pl.String), WORD)
    words = words.filter(words.str.contains(MARKED))
    parts = []
    for shape, pattern in SHAPES.items():
        insensitive = f"(?i){pattern}"
        some = words.str.contains(insensitive)
        holding = words.filter(some)
        parts.append(_kept(shape, _found(holding, insensitive).to_frame()))
        words = pl.concat([words.filter(~some), holding.str.replace_all(insensitive, " ")])
    return pl.concat(parts)


def _found(texts: pl.Series, pattern: str) -> pl.Series:
    return texts.str.extract_all(pattern).explode(empty_as_null=False).drop_nulls().unique()


def _kept(shape: str, found: pl.DataFrame) -> pl.DataFrame:
    """Leave out what only looks like the shape, and say the shape."""
    named = pl.lit(shape).alias("shape")
    match shape:
        case "url":
            found = pl.DataFrame({"value": _trimmed(found["value"])}, schema={"value": pl.String})
        case "address":
            socket = VALUE.str.contains(SOCKET)
            found = found.filter(socket | VALUE.str.contains(WHOLE_ADDRESS))
            named = pl.when(socket).then(pl.lit("socket")).otherwise(named).alias("shape")
        case "ipv6":
            found = found.filter(pl.Series(map(_is_address, found["value"]), dtype=pl.Boolean))
        case "hash":
            found = found.filter(VALUE.str.len_bytes().is_in(HASH_LENGTHS))
        case "domain" | "email":
            found = _below_a_top_level(shape, found)
        case _:
            pass
    return found.select(named, "value")


def _below_a_top_level(shape: str, found: pl.DataFrame) -> pl.DataFrame:
    top = VALUE.str.extract(r"([a-zA-Z0-9-]+)$").str.to_lowercase()
    found = found.filter(top.is_in(_top_levels()))
    if shape == "email":
        return found
    # Who defangs a name means a name.
    return found.filter(~top.is_in(FILES) | VALUE.str.contains(r"[\[({]"))


@cache
def _top_levels() -> list[str]:
    # The list has some only with what stands before them: `co.za`, but no `za`.
    return sorted({name.rpartition(".")[2] for name in public_suffixes()} | {"example"})


def _is_address(text: str) -> bool:
    try:
        address(refang(text))
    except Rejected:
        return False
    return any(character.isdigit() for character in text)


def _trimmed(urls: Iterable[str]) -> list[str]:
    return sorted({url for found in urls if (url := _without_end(found))})


def _without_end(url: str) -> str:
    """Drop what belongs to the sentence: a full stop, the bracket that was opened before."""
    end = len(url)
    surplus = {closing: url.count(closing) - url.count(BRACKETS[closing]) for closing in BRACKETS}
    while end and (url[end - 1] in TRAILING or surplus.get(url[end - 1], 0) > 0):
        end -= 1
        if url[end] in surplus:
            surplus[url[end]] -= 1
    return url[:end]
