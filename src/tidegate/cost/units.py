"""The request units of a month, by the figures that Microsoft publishes for a document of 1 KB.

They are no measurement. What the service really charges stands in the log (`cosmos FEED: N rows,
… request units`), and what it charges for a written row can be given instead.
"""

from dataclasses import dataclass

from tidegate.cost.workload import Workload

DAYS = 365 / 12
INSERT, REPLACE, DELETE, READ, QUERY = 5.5, 10.7, 5.5, 1.0, 2.8
SIGHTING_KB = 0.8  # a test compares it with the documents that are written
CASE_KB = 8.0
SAVES, ENTRIES = 12, 10  # of a case: times it is saved, and its entries in the ledger


@dataclass(frozen=True, slots=True)
class Units:
    """Request units of a month, by what they are for."""

    news: float
    renewals: float
    expiries: float
    runs: float
    cases: float
    lookups: float

    @property
    def total(self) -> float:
        """All of them."""
        return self.news + self.renewals + self.expiries + self.runs + self.cases + self.lookups


def units(work: Workload, written: float | None = None) -> Units:
    """Return the units of a month; `written` is what one written row was really charged.

    Half of what changes is new, and as much expires. A row that stays as it was is written again
    when half of its life is over.
    """
    size = max(1.0, SIGHTING_KB)  # less than 1 KB is charged as 1 KB
    insert = INSERT * size if written is None else written
    replace = REPLACE * size if written is None else written
    new = work.indicators * work.changed / 2
    kept = work.indicators * (1 - work.changed)
    runs = work.feeds * 24 * 60 / work.every
    case = SAVES * REPLACE * CASE_KB + ENTRIES * INSERT
    return Units(
        news=DAYS * new * (insert + replace),
        renewals=DAYS * kept * 2 / work.retention * replace,
        expiries=DAYS * new * DELETE * size,
        runs=DAYS * runs * (INSERT + 2 * READ),
        cases=DAYS * work.alerts * case,
        lookups=DAYS * work.lookups * QUERY,
    )
