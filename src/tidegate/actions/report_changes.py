"""Write into the alert what became of responses, what was undone, and what Defender refused."""

from collections.abc import Iterator

from tidegate.actions.comment_alert import plain, signed
from tidegate.canonical import defanged
from tidegate.model import REFUSED, Case, Do, Effect, Response, Turn

REVERSIBLE = False
MOST = 20  # lines
SILENT = {Turn.ASKED, Turn.WAITING, Turn.RUNNING, Turn.STOPPING}


def plan(case: Case) -> Iterator[Effect]:
    """Yield one comment about all that there is to tell by now."""
    lines = [*map(_response, _ended(case)), *map(_undone, case.revoked), *_refused(case)]
    if lines:
        text = signed(case.id, ["Tidegate:", *_short(lines)])
        yield Effect(Do.COMMENT_ALERT, target=case.id, text=text)


def _ended(case: Case) -> list[Response]:
    return [one for one in case.responses if one.turn not in SILENT]


def _response(one: Response) -> str:
    where = one.effect.about or one.effect.target
    said = f": {one.detail}" if one.detail else ""
    return plain(f"{one.effect.do} {where} {one.turn}{said}")[:200]


def _undone(effect: Effect) -> str:
    where = effect.about or defanged(effect.target)
    return plain(f"taken back: {effect.do} {where}")[:200]


def _refused(case: Case) -> list[str]:
    return [plain(note)[:200] for note in case.notes if note.startswith(REFUSED)]


def _short(lines: list[str]) -> list[str]:
    more = len(lines) - MOST
    return [*lines[:MOST], f"and {more} more" if more > 0 else ""]
