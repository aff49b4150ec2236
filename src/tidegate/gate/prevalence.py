"""Files that somebody signed and very many machines have: to block one would stop work everywhere.

Defender is asked about the hashes that were chosen, a few a cycle, and its answers are kept. Where
it cannot be asked there is no opinion: a tenant without that permission still has a gate. Where it
can, an MD5 is not blocked, for it finds no file by one: what is bad mostly has a SHA-256, too.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import polars as pl

from tidegate.model import Kind
from tidegate.model.cases import COMMON
from tidegate.ports import BadPayload, Conflict, Devices, FileFacts, Objects, Refused, SourceDown
from tidegate.sightings import TIME, empty
from tidegate.stored import table

NAME = "gate/prevalence.parquet"
HOLDS = timedelta(days=30)
KEPT = 100_000  # answers, the newest
A_CYCLE = 50  # questions: half of what Defender takes in a minute, for detonation asks it, too
NOT_ASKED = "Defender was not asked yet how common the file is"
NOT_TOLD = "Defender cannot tell by an MD5 how common the file is"
FORBIDDEN = "403"
MOST_MACHINES = 1 << 40
LONGEST = 100  # characters of a signer's name, which the signer chose
ASKABLE = (Kind.SHA1.value, Kind.SHA256.value)  # Defender finds no file by its MD5
FACTS: dict[str, Any] = {
    "value": pl.String(),
    "machines": pl.Int64(),
    "signer": pl.String(),
    "asked": TIME,
}
"""What Defender said of a hash. `signer` is empty where the signature does not hold."""


def remembered(objects: Objects, now: datetime) -> pl.DataFrame:
    """Return the answers, of `FACTS`, that still hold."""
    return _kept(objects)[0].filter(pl.col("asked") > now - HOLDS)


def ask(
    chosen: pl.DataFrame, devices: Devices, objects: Objects, now: datetime, most: int = A_CYCLE
) -> pl.DataFrame:
    """Ask about chosen hashes (`kind`, `value`, best first) of which nothing is known yet.

    Return all answers that still hold, the new ones included. Never raises what the tenant
    answers: where Defender is down, refuses or has no quota left, the rest is asked next time.
    """
    before, etag = _kept(objects)
    known = before.filter(pl.col("asked") > now - HOLDS)
    asked = chosen.filter(pl.col("kind").cast(pl.String).is_in(ASKABLE))
    new = asked.join(known, on="value", how="anti", maintain_order="left")["value"]
    rows = list(_answers(new.unique(maintain_order=True).head(most).to_list(), devices, now))
    if not rows:
        return known
    after = pl.concat([pl.DataFrame(rows, FACTS, orient="row"), known]).head(KEPT)
    with suppress(Conflict):  # whoever wrote meanwhile knows as much: we ask again
        _keep(after, etag, objects)
    return after


def reasons(kind: pl.Series, value: pl.Series, facts: pl.DataFrame) -> pl.Series:
    """Return, row by row, why a file is too common to be blocked, or null."""
    common = facts.filter((pl.col("machines") >= COMMON) & (pl.col("signer") != ""))
    why = pl.format("signed by {} and on {} machines", "signer", "machines")
    said = common.select("value", why.alias("why"))
    rows = pl.DataFrame({"kind": kind.cast(pl.String), "value": value})
    found = rows.join(said, on="value", how="left", maintain_order="left")
    askable = pl.col("kind").is_in(ASKABLE)
    return found.select(pl.when(askable).then("why").alias("why")).to_series()


def barred(rows: pl.DataFrame, facts: pl.DataFrame, held: pl.Series) -> dict[str, str]:
    """Return by id why a file is not to be blocked: too common, not asked about yet, or an MD5.

    Where nothing was ever answered nobody waits for answers. Who is `held` does not either.
    """
    files = rows.filter(pl.col("kind").cast(pl.String).is_in([*ASKABLE, Kind.MD5.value]))
    why = reasons(files["kind"], files["value"], facts)
    known = files["value"].is_in(facts["value"].implode()) | files["id"].is_in(held.implode())
    unknown = pl.when(pl.col("kind") == Kind.MD5.value).then(pl.lit(NOT_TOLD))
    waits = pl.when(~known & (len(facts) > 0)).then(unknown.otherwise(pl.lit(NOT_ASKED)))
    told = files.select("id", why=pl.coalesce(why, waits)).drop_nulls()
    return dict(told.iter_rows())


def _answers(
    values: Sequence[str], devices: Devices, now: datetime
) -> Iterator[tuple[str, int, str, datetime]]:
    """Yield a row for each answer; none for a file whose answer makes no sense."""
    for value in values:
        try:
            facts = devices.file(value) or FileFacts()
        except SourceDown:
            return
        except BadPayload as bad:
            if isinstance(bad, Refused) and bad.code == FORBIDDEN:
                return  # it would say so of the others, too
            facts = FileFacts()  # nothing to learn of this one, and others wait
        machines = min(facts.everywhere or 0, MOST_MACHINES)
        yield value, machines, _named(facts.signer) if facts.trusted else "", now


def _named(signer: str) -> str:
    return "".join(char if char.isprintable() else " " for char in signer[:LONGEST]).strip()


def _kept(objects: Objects) -> tuple[pl.DataFrame, str]:
    stored = objects.get(NAME)
    if stored is None:
        return empty(FACTS), ""
    return table(stored.data, FACTS, NAME), stored.etag


def _keep(rows: pl.DataFrame, etag: str, objects: Objects) -> None:
    file = BytesIO()
    rows.write_parquet(file, compression="zstd", statistics=False)
    objects.put(NAME, file.getvalue(), if_match=etag or None, if_absent=not etag)
