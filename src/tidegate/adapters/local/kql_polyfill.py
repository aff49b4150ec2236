"""What Log Analytics knows and the local engine does not, taught with the same meaning.

The engine's registry of functions is private: its version is pinned.
"""

import re
from collections.abc import Collection

from duckdb_kql.translate.functions import SCALAR_FUNCTIONS, FunctionSpec

RECEIVED = "_TimeReceived"
EARTH = 6_371_010  # metres: the sphere of Kusto's geo functions
PI_180 = "0.017453292519943295"

OCTET = r"(25[0-5]|2[0-4]\d|1?\d?\d)"
IPV4 = rf"({OCTET}\.){{{{3}}}}{OCTET}(/(3[0-2]|[12]?\d))?"
PRIVATE = r"^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)"
# What is no address of IPv4 is neither private nor public: null.
IS_PRIVATE = (
    f"CASE WHEN regexp_full_match({{0}}, '{IPV4}') THEN regexp_matches({{0}}, '{PRIVATE}') END"
)
# Longitude comes first, as in Kusto; what is off the globe is nowhere.
DISTANCE = (
    "CASE WHEN abs({0}) <= 180 AND abs({2}) <= 180 AND abs({1}) <= 90 AND abs({3}) <= 90 "
    f"THEN 2 * {EARTH} * asin(least(1, sqrt("
    f"pow(sin(({{3}} - {{1}}) * {PI_180} / 2), 2) + cos({{1}} * {PI_180}) * cos({{3}} * {PI_180})"
    f" * pow(sin(({{2}} - {{0}}) * {PI_180} / 2), 2)))) END"
)

MADE = (
    FunctionSpec("ingestion_time", "template", f'"{RECEIVED}"', (0,)),
    # There is no GeoLite2 in here: no answer, and the locator is asked.
    FunctionSpec(
        "geo_info_from_ip_address",
        "template",
        "CAST(CASE WHEN {0} IS NULL THEN NULL END AS JSON)",
        (1,),
    ),
    FunctionSpec("hash", "template", "CAST(hash({0}) % {1} AS BIGINT)", (2,)),
    FunctionSpec("ipv4_is_private", "template", IS_PRIVATE, (1,)),
    FunctionSpec("geo_distance_2points", "template", DISTANCE, (4,)),
    # Without an order of its own, a window takes the rows in that of the sort before it.
    FunctionSpec("prev", "template", "lag({0}) OVER ()", (1,)),
)
IF_EXISTS = re.compile(
    r"""column_ifexists\(\s*(["'])(?P<name>\w+)\1\s*,\s*(?P<other>[^()\s,][^(),]*)\)"""
)
SORTED = re.compile(r"\b(sort|order)\s+by\b")


def teach() -> None:
    """Add the functions to the engine."""
    SCALAR_FUNCTIONS.update({spec.name: spec for spec in MADE})


def understood(kql: str, columns: Collection[str]) -> str:
    """Return the query as the engine can read it; `columns` are those of the tables it reads.

    Raises ValueError for `prev` without a sort, which Kusto refuses as well.
    """
    if re.search(r"\bprev\s*\(", kql) and not SORTED.search(kql):
        raise ValueError("prev() needs sorted rows")
    known = set(columns)
    return IF_EXISTS.sub(lambda m: m["name"] if m["name"] in known else m["other"], kql)
