"""Microsoft Graph security: incidents."""

from dataclasses import dataclass
from urllib.parse import quote

from tidegate.adapters.theirs import Items, Theirs, read
from tidegate.ports import BadPayload, Http, SourceDown

MERGES = 5
TRIES = 3


class _Incident(Theirs):
    id: str
    redirectIncidentId: str | None = None  # noqa: N815 - as Graph spells it
    customTags: Items[str] = ()  # noqa: N815


@dataclass(frozen=True)
class GraphIncidents:
    """`ports.Incidents`. `http` carries the token; `url` ends with the API's version."""

    http: Http
    url: str

    def tag(self, incident: str, tag: str) -> None:
        # PATCH replaces the whole list, so somebody else's tag may overwrite ours in between:
        # read, merge, write, and look whether it held.
        for _ in range(TRIES):
            found = self._current(incident)
            if tag in found.customTags:
                return
            body = {"customTags": [*found.customTags, tag]}
            self.http.request("PATCH", self._at(found.id), json=body)
        if tag not in self._current(incident).customTags:
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
