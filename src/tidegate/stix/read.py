"""From bundles of STIX 2.0 and 2.1, and pages of TAXII, to rows of a feed.

A pattern may name several observables; each is a row of its own. What a pattern excludes (`!=`,
NOT) or only describes (MATCHES, LIKE, the name of a file beside its hash) is no indicator: such
rows have no shape, and are counted as of unknown kind.

What an indicator is about may stand on another page of the same fetch: `context` reads all of them
first, and keeps what the rows of any need.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from tidegate.marks import joined, strictest, techniques, tlp
from tidegate.model import Kind, Tlp
from tidegate.ports import BadPayload
from tidegate.stix.pattern import Comparison, Malformed, comparisons

MARKINGS = {
    # Predefined by STIX 2.0 and 2.1: TLP 1.
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": Tlp.CLEAR,
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": Tlp.GREEN,
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": Tlp.AMBER,
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": Tlp.RED,
    # The extension for TLP 2.
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": Tlp.CLEAR,
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": Tlp.GREEN,
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": Tlp.AMBER,
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": Tlp.AMBER_STRICT,
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": Tlp.RED,
}
COLLECTIONS = {"report", "grouping"}
SHAPES = {
    "ipv4-addr:value": "address",
    "ipv6-addr:value": "address",
    "network-traffic:src_ref.value": "address",
    "network-traffic:dst_ref.value": "address",
    "domain-name:resolves_to_refs[*].value": "address",
    "domain-name:value": "domain",
    "url:value": "url",
    "email-addr:value": "email",
    "email-message:from_ref.value": "email",
    "email-message:sender_ref.value": "email",
    "x509-certificate:hashes.SHA-1": "certificate",
    "autonomous-system:number": "asn",
    "vulnerability:name": "cve",
    "file:name": "filename",
    "mutex:name": "mutex",
    "process:command_line": "process",
    "windows-registry-key:key": "registry",
    "email-message:subject": "email-subject",
}
HASH_PATH = re.compile(r"(?:file|artifact):hashes\.(MD5|SHA-?1|SHA-?256)", re.IGNORECASE)
FAULTS = (TypeError, KeyError, ValueError, AttributeError)  # of what is no STIX
MOST = 500_000  # entries of context

Row = dict[str, Any]
Object = Mapping[str, Any]


def rows(payload: bytes, about: "About | None" = None) -> list[Row]:
    """Return the rows of a bundle or of a TAXII page. Raises BadPayload.

    `about` is the `context` of the pages that it belongs to; without one, it is its own.
    """
    objects = envelope(payload).get("objects", [])
    try:
        known = about or About(objects)
        return [row for one in known.holding(_newest(objects)) for row in _rows(one, known)]
    except FAULTS as error:
        raise BadPayload(f"not STIX: {error!r}") from error


def context(payloads: Iterable[bytes]) -> "About":
    """Read what the pages of one fetch say about one another's indicators. Raises BadPayload."""
    about = About()
    for payload in payloads:
        objects = envelope(payload).get("objects", [])
        try:
            about.read(objects)
        except FAULTS as error:
            raise BadPayload(f"not STIX: {error!r}") from error
    return about


def envelope(payload: bytes) -> dict[str, Any]:
    """Return a bundle or a page of TAXII; either may lack its objects. Raises BadPayload."""
    try:
        found = orjson.loads(payload)
    except ValueError as error:
        raise BadPayload(f"not JSON: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("objects", []), list):
        raise BadPayload("neither a STIX bundle nor a page of TAXII")
    if "objects" not in found and found.get("type") != "bundle" and found.keys() - {"more", "next"}:
        raise BadPayload("neither a STIX bundle nor a page of TAXII")
    return found


def _newest(objects: Iterable[Object]) -> Iterable[Object]:
    """Return the last version of each indicator: what was revoked must not hold by an older one."""
    found: dict[str, Object] = {}
    for one in objects:
        if one["type"] == "indicator":
            known = found.get(one["id"])
            if known is None or str(known.get("modified")) <= str(one.get("modified")):
                found[one["id"]] = one
    return found.values()


class About:
    """What other objects say about indicators.

    Markings by id; malware families and techniques that an indicator indicates; the report (or
    grouping) that names it; when it was revoked. Of families, techniques and reports no more than
    `MOST` are kept, however many there are; a marking that did not fit would be too dangerous.
    """

    def __init__(self, objects: Iterable[Object] = ()) -> None:
        self.markings: dict[str, Tlp] = dict(MARKINGS)
        self.reports: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._attack: dict[str, list[str]] = {}
        self._links: dict[str, list[str]] = {}
        self._revoked: dict[str, str] = {}
        self._left = MOST
        self.read(objects)

    def read(self, objects: Iterable[Object]) -> None:
        """Take in the objects of a page."""
        for one in objects:
            self._vital(one)
            if self._left > 0:
                self._left -= self._read(one)
        if len(self.markings) + len(self._revoked) > MOST:
            raise BadPayload(f"more than {MOST:,} markings and revocations")

    def _vital(self, one: Object) -> None:
        if one["type"] == "marking-definition" and (marking := _marking(one)):
            self.markings.setdefault(one["id"], marking)
        elif one["type"] == "indicator" and one.get("revoked"):
            modified = str(one.get("modified"))
            self._revoked[one["id"]] = max(modified, self._revoked.get(one["id"], ""))

    def _read(self, one: Object) -> int:
        """Take in what may be left out, and return how much that is."""
        kind = one["type"]
        if kind in {"malware", "tool"} and isinstance(one.get("name"), str):
            self._names[one["id"]] = one["name"]
        elif kind == "attack-pattern":
            self._attack[one["id"]] = attack_of(one)
        elif kind == "relationship" and one.get("relationship_type") == "indicates":
            self._links.setdefault(one["source_ref"], []).append(one["target_ref"])
        elif kind in COLLECTIONS and not one.get("revoked"):
            about, named = _url(one) or one["id"], (one.get("object_refs") or [])[: self._left]
            self.reports.update(dict.fromkeys(named, about))
            return len(named)
        else:
            return 0
        return 1

    def holding(self, indicators: Iterable[Object]) -> Iterable[Object]:
        """Leave out the versions of indicators that were revoked later."""
        for one in indicators:
            if str(one.get("modified")) >= self._revoked.get(one["id"], ""):
                yield one

    def threat(self, one: Object) -> str | None:
        """Return the name of the malware, or tool, that an indicator indicates."""
        names = (self._names.get(target) for target in self._links.get(one["id"], []))
        return next(filter(None, names), None)

    def attack(self, one: Object) -> list[str]:
        """Return the techniques that an indicator names or indicates, as tags."""
        targets = self._links.get(one["id"], [])
        return attack_of(one) + [tag for ref in targets for tag in self._attack.get(ref, [])]

    def tlp(self, one: Object) -> Tlp | None:
        """Return the strictest of an object's markings, those of its parts included."""
        parts = [part.get("marking_ref") for part in one.get("granular_markings") or []]
        refs = [*(one.get("object_marking_refs") or []), *parts]
        return strictest(self.markings.get(ref) for ref in refs)


def _marking(one: Object) -> Tlp | None:
    definition = one.get("definition") or {}
    return tlp(definition.get("tlp") or one.get("name"))


def attack_of(one: Object) -> list[str]:
    """Return the techniques that an object refers to, as tags."""
    references = one.get("external_references") or []
    named = [ref for ref in references if str(ref.get("source_name")).startswith("mitre-")]
    return techniques(ref.get("external_id") for ref in named)


def _rows(one: Object, about: About) -> Iterator[Row]:
    said = {
        "confidence": one.get("confidence"),
        "first_seen": one.get("valid_from"),
        "last_seen": one.get("modified"),
        # Revoked: over since it was last touched.
        "expires": one["modified"] if one.get("revoked") else one.get("valid_until"),
        "threat": about.threat(one),
        # What lies in one report, or in one pattern, belongs together.
        "reference": about.reports.get(one["id"]) or _url(one) or one["id"],
        "tlp": about.tlp(one),
    }
    tags = [*_tags(one), *about.attack(one)]
    for shape, value, ports in named(one.get("pattern"), one.get("pattern_type", "stix")):
        with_ports = [*tags, *(f"port:{port}" for port in ports)]
        yield {"shape": shape, "value": value, "tags": joined(with_ports), **said}


def _tags(one: Object) -> Iterator[str]:
    for name in ("indicator_types", "labels"):
        yield from (tag for tag in one.get(name) or [] if tag != "unknown")
    for phase in one.get("kill_chain_phases") or []:
        if str(phase.get("kill_chain_name")).startswith("mitre-"):
            yield f"tactic:{phase.get('phase_name')}"


def _url(one: Object) -> str | None:
    """Return the address of a text about an object; ATT&CK's own pages are about its techniques."""
    for reference in one.get("external_references") or []:
        if reference.get("url") and not str(reference.get("source_name")).startswith("mitre-"):
            return str(reference["url"])
    return None


def observables(pattern: object, language: str = "stix") -> Iterator[tuple[str | None, str]]:
    """Yield shape and value of all that a pattern names; no shape where it is no indicator."""
    for shape, value, _ in named(pattern, language):
        yield shape, value


def named(
    pattern: object, language: str = "stix"
) -> Iterator[tuple[str | None, str, tuple[str, ...]]]:
    """Yield the observables of a pattern, and of addresses the ports that belong to them."""
    if language != "stix" or not isinstance(pattern, str):
        yield None, str(pattern), ()
        return
    try:
        found = comparisons(pattern)
    except Malformed:
        yield None, pattern, ()
        return
    for one in found:
        shape = None if _describes(one) else shape_of(one.path)
        ports = one.beside if shape == "address" else ()
        for value in one.values:
            yield shape, value, ports


def _describes(one: Comparison) -> bool:
    return not one.says or (one.hashed and shape_of(one.path) == Kind.FILENAME)


def shape_of(path: str) -> str | None:
    """Return the shape of what lies at an object path; None for what is no indicator."""
    plain = path.replace("'", "").replace('"', "")
    if found := HASH_PATH.fullmatch(plain):
        return Kind(found[1].lower().replace("-", "")).value
    return SHAPES.get(plain)
