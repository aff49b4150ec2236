"""Microsoft Graph security: incidents. Its alerts: `graph_alerts`, hunting: `hunting`."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from tidegate.adapters.theirs import Comment, Items, Theirs, read
from tidegate.ports import BadPayload, Http, SourceDown

MERGES = 5
TRIES = 3
COMMENT = "microsoft.graph.security.alertComment"

Tags = tuple[str, ...]


class _Incident(Theirs):
    id: str
    redirectIncidentId: str | None = None  # noqa: N815 - as Graph spells it
    customTags: Items[str] = ()  # noqa: N815
    comments: Items[Comment] = ()


@dataclass(frozen=True)
class GraphIncidents:
    """`ports.Incidents`. `http` carries the token; `url` ends with the API's version.

    An incident that was merged into another stands for that one.
    """

    http: Http
    url: str

    def tag(self, incident: str, tag: str) -> None:
        self._retag(incident, lambda tags: tags if tag in tags else (*tags, tag))

    def untag(self, incident: str, tag: str) -> None:
        self._retag(incident, lambda tags: tuple(one for one in tags if one != tag))

    def comment(self, incident: str, text: str) -> None:
        at = f"{self._at(self._current(incident).id)}/comments"
        self.http.request("POST", at, json=comment_body(text), retry=False)

    def comments(self, incident: str) -> list[str]:
        return [one.comment or "" for one in self._current(incident).comments]

    def _retag(self, incident: str, change: Callable[[Tags], Tags]) -> None:
        # PATCH replaces the whole list, so somebody else's tag may overwrite ours in between:
        # read, merge, write, and look whether it held.
        for _ in range(TRIES):
            found = self._current(incident)
            wanted = change(found.customTags)
            if wanted == found.customTags:
                return
            self.http.request("PATCH", self._at(found.id), json={"customTags": list(wanted)})
        held = self._current(incident).customTags
        if change(held) != held:
            raise SourceDown(f"incident {incident}: others keep overwriting the tags")

    def _current(self, incident: str) -> _Incident:
        """Read the incident, or the one into which it was merged."""
        for _ in range(MERGES):
            found = read(_Incident, self.http.request("GET", self._at(incident)))
            if not found.redirectIncidentId:
                return found
            incident = found.redirectIncidentId
        raise BadPayload(f"incident {incident}: more than {MERGES} merges")

    def _at(self, incident: str) -> str:
        return f"{self.url}/security/incidents/{quote(incident, safe='')}"


def comment_body(text: str) -> dict[str, str]:
    """Return a comment as Graph takes it, of an incident or an alert."""
    return {"@odata.type": COMMENT, "comment": text}
