"""Response actions: each module plans effects from a case. Listed by hand, as order matters."""

from collections.abc import Callable, Iterator

from tidegate.actions import block_indicators, comment_alert, tag_incident
from tidegate.model import Case, Effect

Plan = Callable[[Case], Iterator[Effect]]

ALL: dict[str, Plan] = {
    "comment_alert": comment_alert.plan,
    "block_indicators": block_indicators.plan,
    "tag_incident": tag_incident.plan,
}
