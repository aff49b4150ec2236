"""GreyNoise's community API: who scans the whole internet, and who is a common business service."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import Field, SecretStr

from tidegate.adapters.theirs import Theirs, Time, read
from tidegate.model import Kind
from tidegate.ports import Advice, Allowance, BadPayload, Http

URL = "https://api.greynoise.io"
PAGE = "https://viz.greynoise.io/ip/"
NOT_FOUND = 404
MOST_BYTES = 64 << 10

Text = Annotated[str, Field(max_length=200)]


class _Community(Theirs):
    ip: Text
    noise: bool
    riot: bool
    classification: Text = "unknown"
    name: Text = "unknown"
    last_seen: Time | None = None


@dataclass(frozen=True, slots=True)
class GreyNoise:
    """`ports.Enricher` for IPv4 addresses. It answers without a key, too, a little."""

    http: Http
    key: SecretStr | None
    daily: int
    url: str = URL

    name = "greynoise"
    kinds = frozenset({Kind.IPV4})
    missing = None

    @property
    def allowances(self) -> tuple[Allowance, ...]:
        """See `ports.Enricher`."""
        return (Allowance(timedelta(days=1), self.daily),)

    def ask(self, kind: Kind, value: str) -> Advice | None:  # noqa: ARG002 - the port's
        """See `ports.Enricher`. 404 is an answer: never seen scanning, and no known service."""
        answer = self.http.request(
            "GET",
            f"{self.url}/v3/community/{value}",
            headers={"key": self.key.get_secret_value()} if self.key else {},
            expect=(NOT_FOUND,),
            max_bytes=MOST_BYTES,
        )
        if answer.status == NOT_FOUND:
            return None
        found = read(_Community, answer)
        if found.ip != value:
            raise BadPayload("GreyNoise answered for another address")
        return _advice(found)


def _advice(found: _Community) -> Advice:
    seen = {"scans the internet": found.noise, "common business service": found.riot}
    named = () if found.name in {"", "unknown"} else (found.name,)
    service = ", ".join(("common business service", *named))
    return Advice(
        says=found.classification,
        link=f"{PAGE}{found.ip}",
        labels=(*(label for label, true in seen.items() if true), *named),
        harmless=f"GreyNoise RIOT: {service}" if found.riot else None,
        at=found.last_seen,
    )
