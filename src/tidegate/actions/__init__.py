"""Response actions: each module plans effects from a case. Listed by hand, as order matters."""

from collections.abc import Callable, Iterator

from tidegate.actions import (
    begin_alert,
    block_indicators,
    classify_alert,
    collect_package,
    comment_alert,
    comment_incident,
    isolate_device,
    quarantine_file,
    report_changes,
    restrict_device,
    scan_device,
    tag_device,
    tag_incident,
)
from tidegate.model import Case, Effect

Plan = Callable[[Case], Iterator[Effect]]

ALL: dict[str, Plan] = {
    "begin_alert": begin_alert.plan,
    "comment_alert": comment_alert.plan,
    "block_indicators": block_indicators.plan,
    "tag_incident": tag_incident.plan,
    "comment_incident": comment_incident.plan,
    "classify_alert": classify_alert.plan,
    "tag_device": tag_device.plan,
    "collect_package": collect_package.plan,
    "scan_device": scan_device.plan,
    "quarantine_file": quarantine_file.plan,
    "restrict_device": restrict_device.plan,
    "isolate_device": isolate_device.plan,
    "report_changes": report_changes.plan,
}
