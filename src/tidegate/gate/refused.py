"""What a target refused lately: it is not sent again and again, and others get its slot."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import TypeAdapter

from tidegate.ports import Objects
from tidegate.stored import document

HOLDS = timedelta(hours=6)  # a full tenant may have room by then


@dataclass(frozen=True, slots=True)
class Refusal:
    """The target's reason, and until when it is believed."""

    why: str
    until: datetime


DOCUMENT = TypeAdapter(dict[str, Refusal])


def refused(objects: Objects, target: str, now: datetime) -> dict[str, str]:
    """Return the reasons by indicator id."""
    return {one: said.why for one, said in _read(objects, target).items() if said.until > now}


def remember(objects: Objects, target: str, reasons: Mapping[str, str], now: datetime) -> None:
    """Add to what was refused, and forget what is over."""
    before = {key: one for key, one in _read(objects, target).items() if one.until > now}
    fresh = {
        key: Refusal(f"refused there: {why}"[:500], now + HOLDS) for key, why in reasons.items()
    }
    if fresh:
        objects.put(_name(target), DOCUMENT.dump_json(before | fresh))


def _read(objects: Objects, target: str) -> dict[str, Refusal]:
    stored = objects.get(_name(target))
    return {} if stored is None else document(DOCUMENT, stored.data, _name(target))


def _name(target: str) -> str:
    return f"gate/{target}/refused.json"
