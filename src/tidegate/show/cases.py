"""Cases as people read them: one a line, or all of one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.text import Text

from tidegate.canonical import defanged
from tidegate.model import Case
from tidegate.show.cells import out, plain, short, table

Shown = Mapping[str, Any]


def cases(found: Sequence[Case]) -> None:
    """Print cases, with what became of each piece of evidence."""
    columns = ("case", "title", "stage", "evidence", "verdict", "s", "reason")
    table("Alerts", columns, map(_case, found))


def _case(case: Case) -> Sequence[object]:
    evidence = "\n".join(defanged(one.target) for one in case.artefacts)
    verdicts = "\n".join(str(one.verdict or "") for one in case.artefacts)
    seconds = (case.entered[-1][1] - case.opened).total_seconds() if case.entered else 0.0
    lines = Text("\n").join(plain(line) for line in evidence.split("\n"))
    title = case.alert.title if case.alert else ""
    verdict = Text(verdicts)
    troubles = [trouble for one in case.artefacts for trouble in one.troubles]
    why = "; ".join([*filter(None, [case.reason]), *troubles])
    return (case.id, title, case.stage.value, lines, verdict, seconds, why)


def case_list(found: Iterable[Shown]) -> None:
    """Print cases on a line each, with what waits for approval."""
    columns = ("case", "title", "device", "stage", "opened", "verdicts", "waits for approval")
    rows = [
        (
            *(one[name] for name in ("id", "title", "device", "stage")),
            short(one["opened"]),
            ", ".join(one["verdicts"]),
            ", ".join(key.partition(":")[0] for key in one["asked"]),
        )
        for one in found
    ]
    table("Cases", columns, rows)


def case(found: Shown) -> None:
    """Print all of one case."""
    alert = found["alert"] or {}
    out.print(plain(f"{found['id']}  {found['stage']}  {alert.get('title', '')}"))
    for line in filter(None, [found["reason"], *found["notes"]]):
        out.print(plain(line))
    stages = [(one["stage"], one["at"][:19].replace("T", " ")) for one in found["entered"]]
    table("Stages", ("stage", "since"), stages)
    table(
        "Evidence",
        ("what", "state", "verdict", "report", "troubles"),
        map(_artefact, found["artefacts"]),
    )
    table("Effects", ("key", "target", "result"), map(_effect, found["effects"]))
    if found["responses"]:
        table("Responses", ("key", "device", "turn", "detail"), map(_response, found["responses"]))
    for key in found["asked"]:
        out.print(plain(f"waits for approval: {key}"), style="yellow")


def decided(said: str, keys: Iterable[str]) -> None:
    """Print what was decided."""
    for key in keys:
        out.print(plain(f"{said}: {key}"))


def _artefact(one: Shown) -> Sequence[object]:
    report = one["report"] or {}
    verdict = report.get("verdict") if one["state"] == "complete" else ""
    link = report.get("link", "")
    return (defanged(one["target"]), one["state"], verdict, link, "; ".join(one["troubles"]))


def _effect(one: Shown) -> Sequence[object]:
    return (one["key"], defanged(one["target"]), one["result"] or "not yet")


def _response(one: Shown) -> Sequence[object]:
    effect = one["effect"]
    return (one["key"], effect["about"] or effect["target"], one["turn"], one["detail"])
