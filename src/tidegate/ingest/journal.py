"""What runs of feeds tell the log, in the very words that alert queries look for.

Errors come without a traceback: with one, Application Insights would file them under `exceptions`,
where a query over `traces` finds nothing. Numbers come bare: queries read digits alone.
"""

import logging
from collections.abc import Sequence

from tidegate.model import Outcome

log = logging.getLogger(__name__)


def ran(outcome: Outcome) -> None:
    """Tell what one run of one feed came to."""
    if outcome.failed:
        log.error("Error fetching from %s: %s", outcome.feed, _one_line(outcome))
    else:
        log.info("Fetched %d indicators from %s", outcome.kept, outcome.feed)


def total(outcomes: Sequence[Outcome]) -> None:
    """Tell what an ingest of feeds came to; where none was run for real, nothing."""
    real = [one for one in outcomes if not one.dry_run]
    if real:
        log.info("Total ingested: %d", sum(one.kept for one in real))


def _one_line(outcome: Outcome) -> str:
    said = f"{outcome.status}, {outcome.reason}"
    return "".join(c if c.isprintable() else " " for c in said)
