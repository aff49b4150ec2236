"""From sightings to STIX 2.1, whole columns at a time.

The id of an indicator is a UUIDv5 over our own id of it, so that the same value has the same STIX
id in every export of every deployment. Only where it was revoked and came back it has another one:
STIX lets nobody take a revocation back.
"""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha1
from uuid import UUID

import polars as pl

from tidegate.model import Kind, Tlp
from tidegate.sharing import OTHERS, Terms, shareable, stricter
from tidegate.sightings import SCHEMA, unique

NAMESPACE = UUID("6f1dd1c8-8a5a-5a1e-9d0e-2f9f4a1c7b35")
TLP2 = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
MARKINGS = {
    Tlp.CLEAR: "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    Tlp.GREEN: "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    Tlp.AMBER: "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    Tlp.AMBER_STRICT: "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    Tlp.RED: "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
PATHS = {
    Kind.IPV4: "ipv4-addr:value",
    Kind.IPV6: "ipv6-addr:value",
    Kind.CIDR: "ipv4-addr:value",
    Kind.DOMAIN: "domain-name:value",
    Kind.URL: "url:value",
    Kind.EMAIL: "email-addr:value",
    Kind.MD5: "file:hashes.MD5",
    Kind.SHA1: "file:hashes.'SHA-1'",
    Kind.SHA256: "file:hashes.'SHA-256'",
    Kind.CERTIFICATE: "x509-certificate:hashes.'SHA-1'",
    Kind.FILENAME: "file:name",
    Kind.MUTEX: "mutex:name",
    Kind.PROCESS: "process:command_line",
    Kind.REGISTRY: "windows-registry-key:key",
    Kind.EMAIL_SUBJECT: "email-message:subject",
}
STAMP = "%Y-%m-%dT%H:%M:%S%.3fZ"
DEFINED = "2022-10-01T00:00:00.000Z"  # when TLP 2 was, and all other markings are said to be


def indicator_id(indicator: str, returned: int = 0) -> str:
    """Return the STIX id for our id of an indicator that was revoked and `returned` so often."""
    name = f"{indicator}#{returned}" if returned else indicator
    return _uuid5("indicator--", NAMESPACE.bytes, name)


def indicator_ids(rows: pl.DataFrame) -> pl.Series:
    """Return the STIX id of each row, by its `id` and, if there is that column, `returned`."""
    named = rows.select("id", *(["returned"] if "returned" in rows.columns else []))
    return pl.Series("id", [indicator_id(*one) for one in named.iter_rows()], pl.String)


def _uuid5(prefix: str, namespace: bytes, name: str) -> str:
    # The uuid module's own is right, and takes four times as long.
    digest = sha1(namespace + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return (
        f"{prefix}{digest[:8]}-{digest[8:12]}-5{digest[13:16]}"
        f"-{variant}{digest[17:20]}-{digest[20:32]}"
    )


def objects(rows: pl.DataFrame, *, up_to: Tlp = OTHERS) -> pl.Series:
    """Return one indicator as JSON text for each row of `sightings.SCHEMA`, ids unique.

    A CVE is no pattern: such rows have no object, and none has what is marked more strictly than
    `up_to`. A column `statements` may name markings besides TLP, `revoked` say what is over, and
    `returned` how often it was before; `expires` may be null.
    """
    kept = rows.filter((pl.col("kind").cast(pl.String) != Kind.CVE.value) & ~stricter(up_to))
    mandatory = _mandatory(kept.columns).str.strip_suffix("}")
    revoked = [_revoked()] if "revoked" in kept.columns else []
    texts = kept.with_columns(indicator_ids(kept)).select(
        # Structs write nulls and empty lists, which STIX forbids: what may be absent is added.
        pl.concat_str(mandatory, _until(), _labels(), _references(), *revoked, pl.lit("}"))
    )
    return texts.to_series().rename("object")


def _mandatory(columns: list[str]) -> pl.Expr:
    statements = ["statements"] if "statements" in columns else []
    return _json(
        type=pl.lit("indicator"),
        spec_version=pl.lit("2.1"),
        id=pl.col("id"),
        created=_stamp("first_seen"),
        modified=_stamp("last_seen"),
        name=pl.coalesce("threat", "value"),
        indicator_types=pl.concat_list(pl.lit("malicious-activity")),
        pattern=_pattern(),
        pattern_type=pl.lit("stix"),
        pattern_version=pl.lit("2.1"),
        valid_from=_stamp("first_seen"),
        confidence=pl.col("confidence"),
        object_marking_refs=pl.concat_list(_marking(), *statements),
    )


def _json(**fields: pl.Expr) -> pl.Expr:
    return pl.struct(*(field.alias(name) for name, field in fields.items())).struct.json_encode()


def _stamp(name: str) -> pl.Expr:
    return pl.col(name).dt.to_string(STAMP)


def _marking() -> pl.Expr:
    known = {tlp.value: marking for tlp, marking in MARKINGS.items()}
    return pl.col("tlp").cast(pl.String).replace_strict(known, return_dtype=pl.String)


def _pattern() -> pl.Expr:
    kind, value = pl.col("kind").cast(pl.String), pl.col("value")
    known = {kind.value: path for kind, path in PATHS.items()}
    path = kind.replace_strict(known, default=None, return_dtype=pl.String)
    v6 = (kind == Kind.CIDR.value) & value.str.contains(":", literal=True)
    path = pl.when(v6).then(pl.lit(PATHS[Kind.IPV6])).otherwise(path)
    quoted = value.str.replace_all("\\", "\\\\", literal=True).str.replace_all(
        "'", "\\'", literal=True
    )
    number = pl.format("[autonomous-system:number = {}]", value.str.strip_prefix("AS"))
    text = pl.format("[{} = '{}']", path, quoted)
    return pl.when(kind == Kind.ASN.value).then(number).otherwise(text)


def _until() -> pl.Expr:
    some = pl.col("expires").is_not_null()
    return pl.when(some).then(_member(valid_until=_stamp("expires"))).otherwise(pl.lit(""))


def _revoked() -> pl.Expr:
    return pl.when("revoked").then(pl.lit(',"revoked":true')).otherwise(pl.lit(""))


def _labels() -> pl.Expr:
    some = pl.col("tags").list.len() > 0
    return pl.when(some).then(_member(labels=pl.col("tags"))).otherwise(pl.lit(""))


def _references() -> pl.Expr:
    one = pl.struct(source_name=pl.lit("source"), url=pl.col("reference"))
    some = pl.col("reference").str.starts_with("http")
    member = _member(external_references=pl.concat_list(one))
    return pl.when(some).then(member).otherwise(pl.lit(""))


def _member(**field: pl.Expr) -> pl.Expr:
    """`,"name":value`, to be put before the closing brace of an object."""
    return pl.lit(",") + _json(**field).str.strip_prefix("{").str.strip_suffix("}")


def bundle(rows: pl.DataFrame, *, up_to: Tlp = OTHERS, terms: Terms | None = None) -> bytes:
    """Return all that may be shared, and the markings that it refers to, as one bundle.

    `rows` are sightings of `SCHEMA` and `source`, any number of an indicator.
    """
    terms = terms or Terms()
    shared = shareable(rows, up_to, terms)
    texts = attributed(shared["source"], terms)
    merged = stated(unique(shared.select(*SCHEMA)), shared, texts)
    return assembled(merged, texts.values(), up_to=up_to)


def attributed(sources: pl.Series, terms: Terms) -> dict[str, str]:
    """Return what has to be said beside the words of these sources, by source."""
    texts = {source: terms.attributions.get(source) for source in sources.unique()}
    return {source: text for source, text in sorted(texts.items()) if text}


def stated(merged: pl.DataFrame, said: pl.DataFrame, texts: Mapping[str, str]) -> pl.DataFrame:
    """Add the column `statements`: what has to stand beside, for the sources of each indicator.

    `said` has a row (`id`, `source`) for each source of an indicator.
    """
    named = {source: _statement_id(text) for source, text in texts.items()}
    found = said.filter(pl.col("source").is_in(sorted(named))).select(
        "id", pl.col("source").replace_strict(named, return_dtype=pl.String).alias("statements")
    )
    listed = found.group_by("id").agg(pl.col("statements").unique().sort())
    joined = merged.join(listed, on="id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("statements").fill_null([]))


def assembled(rows: pl.DataFrame, texts: Iterable[str], *, up_to: Tlp) -> bytes:
    """Return the rows of `objects`, and the markings that they refer to, as one bundle."""
    used = [tlp for tlp in Tlp if tlp.value in set(rows["tlp"].cast(pl.String))]
    parts = [*markings(used, texts).values(), *objects(rows, up_to=up_to)]
    name = _uuid5("bundle--", NAMESPACE.bytes, "\n".join(rows["id"]))
    # Empty lists are forbidden, too.
    held = f',"objects":[{",".join(parts)}]' if parts else ""
    return f'{{"type":"bundle","id":"{name}"{held}}}'.encode()


def markings(used: Iterable[Tlp], texts: Iterable[str]) -> dict[str, str]:
    """Return the marking definitions of TLP, and of statements, as JSON texts by their id."""
    statements = {_statement_id(text): _statement(text) for text in texts}
    return {MARKINGS[tlp]: _definition(tlp) for tlp in used} | statements


def _statement_id(text: str) -> str:
    return _uuid5("marking-definition--", NAMESPACE.bytes, text)


def _statement(text: str) -> str:
    return (
        f'{{"type":"marking-definition","spec_version":"2.1","id":"{_statement_id(text)}",'
        f'"created":"{DEFINED}","definition_type":"statement",'
        f'"definition":{{"statement":{json.dumps(text)}}}}}'
    )


def _definition(tlp: Tlp) -> str:
    return (
        f'{{"type":"marking-definition","spec_version":"2.1","id":"{MARKINGS[tlp]}",'
        f'"created":"{DEFINED}","name":"TLP:{tlp.value.upper()}","extensions":'
        f'{{"{TLP2}":{{"extension_type":"property-extension","tlp_2_0":"{tlp.value}"}}}}}}'
    )
