"""Asking VMRay: the key, the envelope, long lists; nothing of what the answers mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar, Unpack
from urllib.parse import quote

from tidegate.adapters.theirs import Theirs
from tidegate.adapters.vmray_wire import Envelope, opened, rows, shaped
from tidegate.ports import Asked, BadPayload, Http, Response, Secret, SourceDown

UNAUTHORIZED = 401
# What VMRay explains in its envelope: the reason is worth more than the status.
EXPLAINED = frozenset({400, UNAUTHORIZED, 402, 403, 404, 409, 413, 422})
MOST_PAGES = 20
Read = TypeVar("Read", bound=Theirs)


@dataclass(frozen=True)
class VmrayApi:
    """VMRay's REST API. The key may change while we run: one that is refused is read anew, once."""

    http: Http
    url: str
    key: Secret = field(repr=False)

    def get(self, model: type[Read], path: str) -> Read:
        """Return the one thing there. Raises Refused, with the status as its code."""
        return shaped(model, self._envelope(path, {}).data)

    def listed(
        self,
        model: type[Read],
        path: str,
        params: Mapping[str, str] | None = None,
        limit: int | None = None,
    ) -> list[Read]:
        """Return the list, or so much of it: the key to its next page opens once.

        Where that fails, we start over, once.
        """
        asked = {**(params or {}), **({} if limit is None else {"_limit": str(limit)})}
        first = self._envelope(path, asked)
        found = rows(model, first.data)
        try:
            return self._filled(found, model, first.continuation_id, limit)
        except (SourceDown, BadPayload):
            again = self._envelope(path, asked)
            found = rows(model, again.data)
            return self._filled(found, model, again.continuation_id, limit)

    def _filled(
        self, found: list[Read], model: type[Read], page: str | None, limit: int | None
    ) -> list[Read]:
        """Add the pages from this one on; what lies beyond the last that we read is left."""
        for _ in range(MOST_PAGES):
            if page is None or (limit is not None and len(found) >= limit):
                break
            envelope = self._envelope(f"continuation/{quote(page, safe='')}", {}, retry=False)
            found = found + rows(model, envelope.data)
            page = envelope.continuation_id
        return found[:limit]

    def post(self, path: str, **asked: Unpack[Asked]) -> Response:
        """Send it, and never again by itself: what became of it may be unknown."""
        return self._ask("POST", path, {**asked, "retry": False})

    def _envelope(self, path: str, params: Mapping[str, str], *, retry: bool = True) -> Envelope:
        return opened(self._ask("GET", path, {"params": params, "retry": retry}), path)

    def _ask(self, method: str, path: str, asked: Asked) -> Response:
        key = self.key.value()
        answer = self._with(key, method, path, asked)
        if answer.status == UNAUTHORIZED and (other := self.key.renewed(instead_of=key)) != key:
            answer = self._with(other, method, path, asked)
        if answer.status == UNAUTHORIZED:
            # A key that was changed is mended by a person, not by giving up the case.
            raise SourceDown("VMRay refuses the API key")
        return answer

    def _with(self, key: str, method: str, path: str, asked: Asked) -> Response:
        headers = {"authorization": f"api_key {key}"}
        sent: Asked = {**asked, "headers": headers, "expect": EXPLAINED}
        return self.http.request(method, f"{self.url}/rest/{path}", **sent)
