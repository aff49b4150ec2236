"""What sources mark their words with, whatever the format: TLP, and ATT&CK techniques."""

import re
from collections.abc import Iterable

from tidegate.model import Tlp

STRICTNESS = {tlp: place for place, tlp in enumerate(Tlp)}
WORDS = {"white": Tlp.CLEAR, **{tlp.value: tlp for tlp in Tlp}}
TECHNIQUE = re.compile(r"(?<![A-Za-z0-9])T[0-9]{4}(?:\.[0-9]{3})?(?!\.?[A-Za-z0-9])", re.IGNORECASE)


def tlp(word: object) -> Tlp | None:
    """Return the marking that a word names, `TLP:` before it or not; None where it names none."""
    return WORDS.get(str(word).strip().lower().removeprefix("tlp:").strip())


def strictest(markings: Iterable[Tlp | None]) -> Tlp | None:
    """Return the strictest of some markings, None where there is none at all."""
    return max(filter(None, markings), key=STRICTNESS.__getitem__, default=None)


def techniques(texts: Iterable[object]) -> list[str]:
    """Return the ATT&CK techniques that texts name, as tags: `attack:T1059.001`, sorted, once."""
    found = {match[0].upper() for text in texts for match in TECHNIQUE.finditer(str(text))}
    return [f"attack:{one}" for one in sorted(found)]


def joined(tags: Iterable[object]) -> str:
    """Return tags as a parser gives them: one text, parted by commas, which no tag may hold."""
    return ",".join(str(tag).replace(",", " ") for tag in tags)
