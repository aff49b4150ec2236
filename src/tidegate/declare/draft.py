"""Writes the declaration of a new feed into the folder of one's own."""

import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tidegate.declare.catalogue import NAME, SUFFIX
from tidegate.declare.feed import DECLARATION, Feed
from tidegate.declare.strict import Mistakes, read

REMARK = "# By `tidegate feeds new`: check kind, semantics, keep, reliability and licence.\n"


@dataclass(frozen=True, slots=True)
class Draft:
    """A feed that is to be: the keys of its declaration, and a sample with its file's ending."""

    name: str
    fields: Mapping[str, Any]
    sample: bytes | None = None
    ending: str = "txt"


def write(draft: Draft, folder: Path, taken: Collection[str]) -> Path:
    """Write the feed's folder, whole or not at all, and return its declaration's path.

    Raises Mistakes for what is no declaration, and for a name that is taken.
    """
    place = folder / draft.name
    file = place / DECLARATION
    if not NAME.match(draft.name):
        raise Mistakes([f"{file}: name: small letters, digits, _ and - alone, at most 64"])
    if draft.name in taken or place.exists() or (folder / f"{draft.name}{SUFFIX}").exists():
        raise Mistakes([f"{file}: name: {draft.name} is taken"])
    fresh = folder / f".{draft.name}.{os.getpid()}"
    fresh.mkdir(parents=True)
    try:
        _fill(draft, fresh, file)
        fresh.rename(place)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return file


def _fill(draft: Draft, fresh: Path, file: Path) -> None:
    said = yaml.safe_dump(
        dict(draft.fields),
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=100,
    )
    written = fresh / DECLARATION
    written.write_text(REMARK + said, encoding="utf-8")
    try:
        read(Feed, written, name=draft.name, home=file)
    except Mistakes as mistakes:
        lines = [line.replace(str(written), str(file)) for line in mistakes.lines]
        raise Mistakes(lines) from mistakes
    if draft.sample is not None:
        (fresh / f"sample.{draft.ending}").write_bytes(draft.sample)
