"""Cases in SQLite: a JSON document each, and the version that it was saved as."""

import sqlite3
from dataclasses import replace
from datetime import datetime

from pydantic import TypeAdapter

from tidegate.adapters.local.database import UNFINISHED, when
from tidegate.model import Case
from tidegate.ports import Conflict
from tidegate.stored import document, readable

DOCUMENT = TypeAdapter(Case)
WATERMARK = "alerts"


class SqliteCases:
    """`ports.Cases` on the file that `database.connect` opened."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def get(self, case: str) -> Case | None:
        found = self._database.execute(
            "SELECT id, document, version FROM cases WHERE id = ?", (case,)
        ).fetchone()
        return _case(found) if found else None

    def create(self, case: Case) -> bool:
        made = self._database.execute(
            "INSERT OR IGNORE INTO cases (id, version, opened, document) VALUES (?, 1, ?, ?)"
            " RETURNING id",
            (case.id, case.opened.timestamp(), _document(case)),
        )
        return bool(made.fetchall())

    def save(self, case: Case) -> None:
        saved = self._database.execute(
            "UPDATE cases SET version = version + 1, document = ? WHERE id = ? AND version = ?"
            " RETURNING id",
            (_document(case), case.id, case.version),
        )
        if not saved.fetchall():
            raise Conflict(f"case {case.id} is no longer at version {case.version}")

    def newest(self, limit: int) -> list[Case]:
        return self._cases("ORDER BY opened DESC, id LIMIT ?", limit)

    def unfinished(self, limit: int) -> list[Case]:
        return self._cases(f"WHERE {UNFINISHED} ORDER BY opened, id LIMIT ?", limit)

    def watermark(self) -> datetime | None:
        found = self._database.execute(
            "SELECT value FROM marks WHERE name = ?", (WATERMARK,)
        ).fetchone()
        return when(found[0]) if found else None

    def advance(self, watermark: datetime) -> None:
        self._database.execute(
            "INSERT INTO marks (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
            (WATERMARK, watermark.timestamp()),
        )

    def _cases(self, which: str, limit: int) -> list[Case]:
        found = self._database.execute(
            f"SELECT id, document, version FROM cases {which}",  # noqa: S608 - conditions are ours
            (limit,),
        )
        return list(readable(_case, found.fetchall()))


def _document(case: Case) -> str:
    return DOCUMENT.dump_json(case).decode()


def _case(row: tuple[str, str, int]) -> Case:
    name, text, version = row
    return replace(document(DOCUMENT, text, f"case {name}"), version=version)
