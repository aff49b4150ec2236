"""What was said to Sentinel, which cannot be asked: one object, replaced whole."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from io import BytesIO
from typing import Any

import polars as pl

from tidegate.model import Kind, Tlp
from tidegate.ports import APPLICATION, Conflict, Enforced, Objects, SourceDown
from tidegate.sightings import KINDS, TIME, TLPS, empty
from tidegate.stored import table

NAME = "gate/sentinel.parquet"
KEPT: dict[str, Any] = {
    "kind": KINDS,
    "value": pl.String(),
    "action": pl.String(),
    "title": pl.String(),
    "description": pl.String(),
    "severity": pl.String(),
    "score": pl.Float64(),
    "threat": pl.String(),
    "first_seen": TIME,
    "tlp": TLPS,
}
"""What is remembered of an indicator as it was asked for."""
SENT: dict[str, Any] = {
    **KEPT,
    "id": pl.String(),
    "tags": pl.List(pl.String()),
    "valid_until": TIME,
    "created": TIME,
    "at": TIME,
    "sure": pl.Boolean(),
}
"""One row per object, by its STIX id. `created` is what the object says, `at` when it was sent."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An indicator as it was last said. Unless `sure`, nobody knows whether it arrived."""

    one: Enforced
    until: datetime
    created: datetime
    at: datetime
    sure: bool = True

    def enforced(self) -> Enforced:
        """Return it as the gate sees it: what may not have arrived has no action, so is no match.

        Whoever wants it sends it again, whoever does not has it revoked.
        """
        return self.one if self.sure else replace(self.one, action="")


@dataclass
class Memory:
    """All that was said, by STIX id."""

    objects: Objects
    rows: dict[str, Sent] = field(default_factory=dict)
    etag: str = ""
    _written: dict[str, Sent] = field(default_factory=dict)

    @classmethod
    def read(cls, objects: Objects) -> "Memory":
        """Return what is remembered; nothing before the first upload."""
        stored = objects.get(NAME)
        if stored is None:
            return cls(objects)
        found = table(stored.data, SENT, NAME).iter_rows(named=True)
        sent = {row["id"]: _sent(row) for row in found}
        return cls(objects, sent, stored.etag, dict(sent))

    def forget_what_ended(self, now: datetime) -> None:
        """Forget what holds no longer: Sentinel knows the time as well as we do."""
        self.rows = {name: sent for name, sent in self.rows.items() if sent.until > now}

    def put(self, name: str, sent: Sent | None) -> None:
        """Remember one, or forget it."""
        if sent is None:
            self.rows.pop(name, None)
        else:
            self.rows[name] = sent

    def write(self) -> None:
        """Write all down, if anything is new. Raises SourceDown where another process did, too."""
        if self.rows == self._written:
            return
        file = BytesIO()
        _frame(self.rows.values()).write_parquet(file, compression="zstd", statistics=False)
        etag = self.etag
        try:
            self.etag = self.objects.put(
                NAME, file.getvalue(), if_match=etag or None, if_absent=not etag
            )
        except Conflict as error:
            raise SourceDown("another process writes to Sentinel at this moment") from error
        self._written = dict(self.rows)


def _frame(sent: Iterable[Sent]) -> pl.DataFrame:
    rows = [
        {
            **{name: getattr(one.one, name) for name in (*KEPT, "id")},
            "tags": list(one.one.tags),
            "valid_until": one.until,
            "created": one.created,
            "at": one.at,
            "sure": one.sure,
        }
        for one in sent
    ]
    return pl.DataFrame(rows, SENT) if rows else empty(SENT)


def _sent(row: dict[str, Any]) -> Sent:
    said = {name: row[name] for name in KEPT}
    said |= {"kind": Kind(row["kind"]), "tlp": Tlp(row["tlp"]), "tags": tuple(row["tags"])}
    one = Enforced(**said, expires=row["valid_until"], id=row["id"], application=APPLICATION)
    return Sent(one, row["valid_until"], row["created"], row["at"], row["sure"])
