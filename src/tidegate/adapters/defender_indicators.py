"""Defender's custom indicators: read all, import in batches, delete."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import quote

from tidegate.adapters.theirs import Items, Theirs, Time, read, stamp
from tidegate.model import Kind
from tidegate.ports import APPLICATION, BadPayload, Enforced, Http, Placed

BATCH = 500
PAGE = 10_000
MOST = 50_000
BAD_REQUEST, NOT_FOUND, NOT_ALLOWED = 400, 404, 405
TYPES = {
    Kind.IPV4: "IpAddress",
    Kind.IPV6: "IpAddress",
    Kind.DOMAIN: "DomainName",
    Kind.URL: "Url",
    Kind.SHA256: "FileSha256",
    Kind.SHA1: "FileSha1",
    Kind.MD5: "FileMd5",
}
KINDS = {name: kind for kind, name in TYPES.items()}


class _Indicator(Theirs):
    id: str | None = None
    indicatorValue: str  # noqa: N815 - as Defender spells it
    indicatorType: str | None = None  # noqa: N815
    action: str | None = None
    application: str | None = None
    createdBy: str | None = None  # noqa: N815
    title: str | None = None
    description: str | None = None
    severity: str | None = None
    expirationTime: Time | None = None  # noqa: N815
    generateAlert: bool | None = None  # noqa: N815
    rbacGroupNames: Items[str] = ()  # noqa: N815


class _Indicators(Theirs):
    value: tuple[_Indicator, ...]


class _Result(Theirs):
    id: str | None = None
    indicator: str
    isFailed: bool = False  # noqa: N815
    failureReason: str | None = None  # noqa: N815


class _Results(Theirs):
    value: Items[_Result]


@dataclass(frozen=True)
class DefenderIndicators:
    """`ports.Enforcement`. `http` carries the token."""

    http: Http
    url: str

    def current(self, *, fresh: bool = True) -> list[Enforced]:  # noqa: ARG002 - it always is
        found: list[Enforced] = []
        # Bounded, in case that a server takes no notice of $skip.
        for skip in range(0, MOST, PAGE):
            query = {"$top": str(PAGE), "$skip": str(skip)}
            answer = self.http.request("GET", f"{self.url}/api/indicators", params=query)
            page = read(_Indicators, answer).value
            found += map(_enforced, page)
            if len(page) < PAGE:
                break
        return list({(one.id, one.kind, one.value): one for one in found}.values())

    def add(self, wanted: Sequence[Enforced]) -> list[Placed]:
        placed: list[Placed] = []
        for start in range(0, len(wanted), BATCH):
            placed += self._import(wanted[start : start + BATCH])
        return placed

    def remove(self, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), BATCH):
            some = list(ids[start : start + BATCH])
            # One is deleted by the documented way. Of many, 100 a minute would take hours.
            if len(some) == 1 or not self._removed_together(some):
                self._remove_singly(some)

    def _removed_together(self, ids: list[str]) -> bool:
        """Delete in one call; False where there is no such call, or not for one of these."""
        at = f"{self.url}/api/indicators/BatchDelete"
        refused = (BAD_REQUEST, NOT_FOUND, NOT_ALLOWED)
        answer = self.http.request("POST", at, json={"IndicatorIds": ids}, expect=refused)
        return answer.status not in refused

    def _remove_singly(self, ids: list[str]) -> None:
        for one in ids:
            at = f"{self.url}/api/indicators/{quote(one, safe='')}"
            self.http.request("DELETE", at, expect=(NOT_FOUND,))

    def _import(self, wanted: Sequence[Enforced]) -> list[Placed]:
        # An import overwrites what is there with the same, so trying it again is harmless.
        answer = self.http.request(
            "POST",
            f"{self.url}/api/indicators/import",
            json={"Indicators": [_body(one) for one in wanted]},
        )
        results = {result.indicator.lower(): result for result in read(_Results, answer).value}
        return [_placed(one, results.get(_value(one).lower())) for one in wanted]


def _placed(wanted: Enforced, result: _Result | None) -> Placed:
    if result is None:
        return Placed(wanted.value, failure="not in Defender's answer")
    reason = (result.failureReason or "refused") if result.isFailed else None
    return Placed(wanted.value, result.id, reason)


def _body(one: Enforced) -> dict[str, object]:
    if one.kind not in TYPES:
        raise BadPayload(f"Defender has no indicators of kind {one.kind}")
    body: dict[str, object] = {
        "indicatorValue": _value(one),
        "indicatorType": TYPES[one.kind],
        "action": one.action,
        "application": APPLICATION,
        "title": one.title,
        "description": one.description,
        "severity": one.severity,
        # Defender refuses an Audit indicator that raises no alert.
        "generateAlert": one.alerts or one.action == "Audit",
    }
    if one.expires is not None:
        body["expirationTime"] = stamp(one.expires)
    if one.groups:
        body["rbacGroupNames"] = list(one.groups)
    return body


def _value(one: Enforced) -> str:
    # Defender wants all eight segments; canonically an address is compressed.
    return IPv6Address(one.value).exploded if one.kind is Kind.IPV6 else one.value


def _enforced(raw: _Indicator) -> Enforced:
    kind = KINDS.get(raw.indicatorType or "")
    value = raw.indicatorValue
    if kind in {Kind.IPV4, Kind.IPV6}:
        kind, value = _address(value)
    return Enforced(
        kind=kind,
        value=value,
        action=raw.action or "",
        title=raw.title or "",
        description=raw.description or "",
        severity=raw.severity or "Informational",
        expires=raw.expirationTime,
        alerts=raw.generateAlert or False,
        id=raw.id,
        application=raw.application,
        created_by=raw.createdBy,
        groups=raw.rbacGroupNames,
    )


def _address(text: str) -> tuple[Kind | None, str]:
    if ":" not in text:
        return Kind.IPV4, text
    try:
        return Kind.IPV6, str(IPv6Address(text))
    except AddressValueError:  # an analyst's network, say: it is not ours, and stays as it is
        return None, text
