"""Texts without indicators, people and files, for whoever may read less than an analyst.

A text is judged word by word, in time that is linear in it, and what cannot be told from a value is
taken for one: a dotted name is that of a host or of a file, unless it is known.
"""

import linecache
import re
import sys
from collections.abc import Callable

Known = Callable[[str], bool]
"""Says whether a name in lower case is that of a host or a role that anybody may read."""

LONGEST = 256  # characters of a word: patterns look at none that is longer
WORD = re.compile(r"[^\s\"'`<>|,;]+")
# Of folders whose names have spaces, too, which words are cut at.
WINDOWS_PATH = re.compile(r"(?:\b[a-z]:|\\)\\(?:[^\\\"'\n<>|]*\\)*[^\s\"'<>|]*", re.IGNORECASE)
FRAME = re.compile(r'\s*File "(?P<file>[^"]+)", line (?P<line>\d+), in [\w<>.]+')
DEFANGED = re.compile(r"[\[({](?P<mark>\.|:|@|dot|at)[\])}]", re.IGNORECASE)
MARKS = {"dot": ".", "at": "@"}

ADDRESS = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]{1,15}:/+)(?:[^/?#]*@)?"
    r"(?P<host>\[[^\]]*\]|[^/?#:\\]*)(?P<rest>.*)",
    re.IGNORECASE,
)
WHOLE = {"[encoded]": re.compile(r"%[0-9a-f]{2}", re.IGNORECASE), "[person]": re.compile("@")}
PATH = re.compile(r"\\|/(?:home|root|users)/", re.IGNORECASE)
NAME = re.compile(r"(?:[\w-]+\.)+(?:[^\W\d_][\w-]*|7z\b)")
PARTS = {
    "[hash]": re.compile(r"[0-9a-f]{32,}", re.IGNORECASE),
    "[address]": re.compile(
        r"(?<![0-9a-f:])(?=[0-9a-f:]*::|(?:[0-9a-f]{1,4}:){7})[0-9a-f:]+(?:\d*(?:\.\d{1,3}){3})?(?:/\d+)?"
        r"|(?<!\d)(?<!\d\.)\d{1,3}(?:\.\d{1,3}){3}(?!\d|\.\d)(?:/\d+)?",
        re.IGNORECASE,
    ),
}


def without_values(text: str, known: Known = lambda _: False) -> str:
    """Return the text without addresses, hashes, mail addresses, names of people as Entra and
    Windows write them, paths, and names of hosts and files other than the `known`.

    Names and lines of the code that runs stay, so that a traceback can be read.
    """
    lines, frame = [], None
    for line in text.split("\n"):
        told = line if _of_the_code(line, frame) else _judged(line, known)
        lines.append(told)
        frame = FRAME.fullmatch(line)
    return "\n".join(lines)


def _of_the_code(line: str, above: re.Match[str] | None) -> bool:
    """Whether a line of a traceback says where a file of ours is, or what stands there."""
    if here := FRAME.fullmatch(line):
        return bool(_source(here))
    return above is not None and line.strip() == _source(above)


def _source(frame: re.Match[str]) -> str:
    return linecache.getline(frame["file"], int(frame["line"][:9])).strip()


def _judged(line: str, known: Known) -> str:
    line = WINDOWS_PATH.sub("[path]", line)
    return WORD.sub(lambda found: _word(found[0], known), line)


def _word(word: str, known: Known) -> str:
    if len(word) > LONGEST:
        return "[long]"
    plain = DEFANGED.sub(_mark, word)
    told = _told(plain, known)
    return word if told == plain else told


def _mark(found: re.Match[str]) -> str:
    return MARKS.get(found["mark"].lower(), found["mark"])


def _told(word: str, known: Known) -> str:
    if found := ADDRESS.search(word):
        host = found["host"] if known(found["host"].lower()) else "[host]"
        return _told(word[: found.start()], known) + found["scheme"] + host
    for instead, pattern in WHOLE.items():
        if pattern.search(word):
            return instead
    if PATH.search(word):
        return "[path]"
    for instead, pattern in PARTS.items():
        word = pattern.sub(instead, word)
    return NAME.sub(lambda found: _name(found[0], known), word)


def _name(name: str, known: Known) -> str:
    module, _, what = name.rpartition(".")
    ours = name in sys.modules or what in vars(sys.modules.get(module, object))
    return name if ours or known(name.lower()) else "[name]"
