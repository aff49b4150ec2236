"""Times as parameters: ISO 8601, in UTC where no zone is named."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator


def _written(text: object) -> object:
    """Refuse bare numbers, which pydantic would take for seconds since 1970."""
    if isinstance(text, datetime) or "-" in str(text)[1:]:
        return text
    raise ValueError("a time is written as 2026-01-31T12:00:00Z")


def _utc(moment: datetime) -> datetime:
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time is between the years 1 and 9999") from error


Time = Annotated[datetime, BeforeValidator(_written), AfterValidator(_utc)]
