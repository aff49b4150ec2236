"""The built page on loopback, with made-up datasets behind the contract of `/api/datasets`."""

import gzip
import hashlib
import json
import math
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

WEB = Path(__file__).resolve().parents[2] / "web"
DIST = WEB / "dist"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}

# Name, country, latitude, longitude, and how busy the place is.
CITIES = [
    ("Amsterdam", "NL", 52.37, 4.90, 9),
    ("Ashburn", "US", 39.04, -77.49, 12),
    ("Bangkok", "TH", 13.75, 100.50, 3),
    ("Bogotá", "CO", 4.71, -74.07, 3),
    ("Bucharest", "RO", 44.43, 26.10, 4),
    ("Buenos Aires", "AR", -34.60, -58.38, 3),
    ("Cairo", "EG", 30.04, 31.24, 3),
    ("Chicago", "US", 41.88, -87.63, 5),
    ("Dallas", "US", 32.78, -96.80, 5),
    ("Dhaka", "BD", 23.81, 90.41, 2),
    ("Dublin", "IE", 53.35, -6.26, 4),
    ("Frankfurt", "DE", 50.11, 8.68, 9),
    ("Hanoi", "VN", 21.03, 105.85, 6),
    ("Hong Kong", "HK", 22.32, 114.17, 6),
    ("İstanbul", "TR", 41.01, 28.98, 5),
    ("Jakarta", "ID", -6.21, 106.85, 5),
    ("Johannesburg", "ZA", -26.20, 28.05, 3),
    ("Karachi", "PK", 24.86, 67.01, 3),
    ("Kyiv", "UA", 50.45, 30.52, 3),
    ("Lagos", "NG", 6.52, 3.38, 6),
    ("Lima", "PE", -12.05, -77.04, 2),
    ("London", "GB", 51.51, -0.13, 7),
    ("Los Angeles", "US", 34.05, -118.24, 5),
    ("Madrid", "ES", 40.42, -3.70, 3),
    ("Manila", "PH", 14.60, 120.98, 3),
    ("Mexico City", "MX", 19.43, -99.13, 4),
    ("Montréal", "CA", 45.50, -73.57, 3),
    ("Moscow", "RU", 55.76, 37.62, 8),
    ("Mumbai", "IN", 19.08, 72.88, 7),
    ("Nairobi", "KE", -1.29, 36.82, 2),
    ("New York", "US", 40.71, -74.01, 6),
    ("Novosibirsk", "RU", 55.03, 82.92, 2),
    ("Paris", "FR", 48.86, 2.35, 5),
    ("Reykjavík", "IS", 64.15, -21.94, 1),
    ("Santiago", "CL", -33.45, -70.67, 2),
    ("Seoul", "KR", 37.57, 126.98, 6),
    ("Shanghai", "CN", 31.23, 121.47, 9),
    ("Shenzhen", "CN", 22.54, 114.06, 7),
    ("Singapore", "SG", 1.35, 103.82, 8),
    ("Stockholm", "SE", 59.33, 18.07, 2),
    ("Suva", "FJ", -18.14, 178.44, 1),
    ("Sydney", "AU", -33.87, 151.21, 4),
    ("São Paulo", "BR", -23.55, -46.63, 8),
    ("Tehran", "IR", 35.69, 51.39, 4),
    ("Tokyo", "JP", 35.68, 139.69, 5),
    ("Warsaw", "PL", 52.23, 21.01, 3),
]
COUNTRY_MIDDLES = [
    ("", "BR", -10.8, -53.1, 4),
    ("", "CN", 35.5, 103.9, 6),
    ("", "IN", 22.9, 79.6, 4),
    ("", "RU", 61.9, 96.7, 5),
    ("", "US", 39.8, -98.6, 5),
]
GEO = ["Latitude", "Longitude", "Country", "GeoPrecision", "GeoSource"]
SIGNINS = [
    "TimeGenerated",
    "Id",
    "UserPrincipalName",
    "IPAddress",
    "ResultType",
    "ResultDescription",
    "AppDisplayName",
    "City",
    "Risk",
]
INDICATORS = ["TimeGenerated", "Id", "ObservableValue", "Source", "Confidence", "Description"]
RESULTS = {
    "50126": "Invalid username or password",
    "50053": "Account is locked",
    "53003": "Blocked by Conditional Access",
    "50074": "Strong authentication required",
    "50057": "Account is disabled",
    "700016": "Application not found",
}
APPS = ["Azure Portal", "Exchange Online", "Microsoft Teams", "Azure CLI", "Office 365"]
SOURCES = ["URLhaus", "AbuseIPDB", "OTX", "blocklist.de"]

Cell = str | float | None
Row = Sequence[Cell]


def cell(value: Cell) -> str:
    if value is None:
        return "\\N"
    text = str(value).replace("\\", "\\\\")
    return text.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def tsv(columns: Sequence[str], rows: Sequence[Row]) -> bytes:
    lines = ["\t".join(columns), *("\t".join(map(cell, row)) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


@dataclass(frozen=True)
class Dataset:
    """One dataset as its declaration and its rows say."""

    name: str
    title: str
    columns: list[str]
    rows: list[Row]
    label: str
    colour: str | None
    version: int | None = 1
    partial: bool = False
    refreshed: datetime | None = None  # unless told: just now
    facets: tuple[str, ...] = ()
    kind: str = "events"
    weight: str | None = None
    arc: str | dict[str, str] | None = None

    @cached_property
    def payload(self) -> bytes:
        return tsv(self.columns, self.rows)

    def announced(self) -> dict[str, Any]:
        if self.version is None:
            absent = ("url", "sha256", "refreshed", "watermark")
            return self._declared() | dict.fromkeys(absent)
        refreshed = self.refreshed or datetime.now(UTC)
        stamp = refreshed.isoformat(timespec="seconds").replace("+00:00", "Z")
        url = f"/api/datasets/{self.name}/v{self.version}.tsv"
        return self._declared() | {"url": url, "refreshed": stamp, "watermark": stamp}

    def _declared(self) -> dict[str, Any]:
        located = sum(row[self.columns.index("Latitude")] is not None for row in self.rows)
        return {
            "name": self.name,
            "title": self.title,
            "version": self.version,
            "rows": len(self.rows),
            "located": located,
            "unlocated": len(self.rows) - located,
            "bytes": len(self.payload),
            "sha256": hashlib.sha256(self.payload).hexdigest(),
            "partial": self.partial,
            "synthetic": True,
            "every_seconds": 900,
            "time": "TimeGenerated",
            "label": self.label,
            "colour": self.colour,
            "key": ["Id"],
            "facets": list(self.facets),
            "kind": self.kind,
            "weight": self.weight,
            "arc": self.arc,
            "columns": [{"name": name, "type": "string"} for name in self.columns[: -len(GEO)]],
        }


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def moments(count: int, hours: int, chance: random.Random) -> list[datetime]:
    """Times up to the present hour, with days and nights and one burst."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    found: list[datetime] = []
    while len(found) < count:
        back = chance.random() * hours
        moment = now - timedelta(hours=back)
        daily = 0.45 + 0.4 * math.sin((moment.hour - 8) / 24 * 2 * math.pi)
        burst = 0.9 * math.exp(-(((back - hours * 0.3) / (hours * 0.02)) ** 2))
        if chance.random() < daily + burst:
            found.append(moment)
    return sorted(found)


def where(chance: random.Random, spread: float) -> list[Cell]:
    """Latitude, longitude, country, precision, source; some known by country, some not at all."""
    luck = chance.random()
    if luck < 0.02:
        return [None, None, None, "none", None]
    places = COUNTRY_MIDDLES if luck < 0.06 else CITIES
    *_, country, latitude, longitude, _ = chance.choices(places, [p[-1] for p in places])[0]
    if luck < 0.06:
        return [latitude, longitude, country, "country", "country-table"]
    latitude += chance.gauss(0, spread)
    longitude += chance.gauss(0, spread)
    return [round(latitude, 4), round(min(longitude, 180), 4), country, "city", "log"]


@cache
def signin_failures(count: int, seed: int = 7, spread: float = 0.0, hours: int = 72) -> Dataset:
    chance = random.Random(seed)  # noqa: S311
    rows: list[Row] = []
    for number, moment in enumerate(moments(count, hours, chance)):
        result = chance.choices(list(RESULTS), [50, 22, 12, 9, 5, 2])[0]
        place = where(chance, spread)
        user = f"{chance.choice(['ana', 'ben', 'chiara', 'dmitri', 'eve', 'farid'])}@example.com"
        address = f"203.0.113.{chance.randrange(256)}"
        city = next((name for name, _, lat, *_ in CITIES if lat == place[0]), None)
        app = chance.choice(APPS)
        row = [stamp(moment), f"s{number}", user, address, result, RESULTS[result], app, city, ""]
        rows.append([*row, *place])
    return Dataset(
        "signin_failures",
        "Sign-in failures",
        [*SIGNINS, *GEO],
        rows,
        "UserPrincipalName",
        "ResultType",
        facets=("ResultType", "AppDisplayName", "UserPrincipalName"),
    )


@cache
def threat_indicators(count: int, seed: int = 8, spread: float = 0.0, hours: int = 72) -> Dataset:
    chance = random.Random(seed)  # noqa: S311
    rows: list[Row] = []
    for number, moment in enumerate(moments(count, hours, chance)):
        address = f"198.51.100.{chance.randrange(256)}"
        source = chance.choices(SOURCES, [40, 30, 20, 10])[0]
        row = [stamp(moment), f"i{number}", address, source, chance.randrange(40, 101), None]
        rows.append([*row, *where(chance, spread)])
    columns = [*INDICATORS, *GEO]
    return Dataset(
        "threat_indicators",
        "Threat-intelligence indicators",
        columns,
        rows,
        "ObservableValue",
        "Source",
        facets=("Source",),
        kind="indicators",
    )


ACTORS = ["TimeGenerated", "Id", "Name", "Motivation", "Aliases", "Source", "Links"]


@cache
def threat_actors() -> Dataset:
    """A few invented ones, of two countries and of none."""
    at = "2020-01-01T00:00:00.0000000Z"  # long before any event
    known = [35.5, 103.9, "CN", "country", "natural-earth"]
    rows: list[Row] = [
        [
            at,
            f"a{n}",
            f'Idle Goblet "{n}"',
            "espionage",
            f"SIM-{n}, Idle",
            "Example ISAC",
            REPORTS,
            *known,
        ]
        for n in range(9)
    ]
    rows.append(
        [at, "b", "Dusky Funnel", "ideology", "", "OTX", None, 56.2, 9.4, "DK", "country", "x"]
    )
    rows.append([at, "c", "Lunar Candle", None, None, None, None, None, None, None, "none", None])
    return Dataset(
        "threat_actors", "Threat actors", [*ACTORS, *GEO], rows, "Name", "Motivation", kind="actors"
    )


REPORTS = '["https://intel.example/actors/1", "http://plain.example/", "javascript:alert(1)"]'


def one_more(dataset: Dataset, **cells: Cell) -> Dataset:
    """The dataset with one row more: the cells given, the others without a value."""
    row = [cells.get(column) for column in dataset.columns]
    return replace(dataset, rows=[*dataset.rows, row], version=(dataset.version or 0) + 1)


def weighted(dataset: Dataset, column: str, weights: Sequence[int]) -> Dataset:
    """The dataset with a column that says for how many events each row stands."""
    return replace(_widened(dataset, {column: weights}), weight=column)


def leading(dataset: Dataset, places: Sequence[tuple[float, float]]) -> Dataset:
    """The dataset with the place that each row leads to, as latitude and longitude, in turn."""
    ends = [places[row % len(places)] for row in range(len(dataset.rows))]
    columns = {"SiteLatitude": [end[0] for end in ends], "SiteLongitude": [end[1] for end in ends]}
    arc = {"latitude": "SiteLatitude", "longitude": "SiteLongitude"}
    return replace(_widened(dataset, columns), arc=arc)


def _widened(dataset: Dataset, columns: dict[str, Sequence[Cell]]) -> Dataset:
    """With more columns, which stand before those of geography."""
    at = len(dataset.columns) - len(GEO)
    more = zip(*columns.values(), strict=True)
    rows = [[*row[:at], *cells, *row[at:]] for row, cells in zip(dataset.rows, more, strict=True)]
    names = [*dataset.columns[:at], *columns, *dataset.columns[at:]]
    return replace(dataset, columns=names, rows=rows)


class Site:
    """What the server answers; a test changes it between two requests."""

    def __init__(self, *datasets: Dataset) -> None:
        self.url = ""
        self.down = False
        self.sites: list[dict[str, Any]] = []
        self.publish(*datasets)

    def publish(self, *datasets: Dataset) -> None:
        announced = [dataset.announced() for dataset in datasets]
        self.listing = json.dumps({"datasets": announced, "sites": self.sites}).encode()
        self.files = {
            facts["url"]: gzip.compress(dataset.payload, 1)
            for facts, dataset in zip(announced, datasets, strict=True)
        }

    def answer(self, path: str) -> tuple[HTTPStatus, dict[str, str], bytes]:
        if self.down:
            return HTTPStatus.SERVICE_UNAVAILABLE, {"Content-Type": "text/plain"}, b"down"
        if path == "/api/datasets":
            return HTTPStatus.OK, {"Content-Type": "application/json"}, self.listing
        if path in self.files:
            encoded = {
                "Content-Type": "text/tab-separated-values; charset=utf-8",
                "Content-Encoding": "gzip",
            }
            return HTTPStatus.OK, encoded, self.files[path]
        return self.page(path)

    def page(self, path: str) -> tuple[HTTPStatus, dict[str, str], bytes]:
        file = DIST / ("index.html" if path == "/" else path.lstrip("/"))
        if not file.is_file() or file.name == "staticwebapp.config.json":
            return HTTPStatus.NOT_FOUND, {"Content-Type": "text/plain"}, b"not found"
        return HTTPStatus.OK, {"Content-Type": TYPES[file.suffix]}, file.read_bytes()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that closes hangs up on its connections: no news."""


@contextmanager
def served(site: Site) -> Iterator[Site]:
    """The site on a free port of loopback, with the headers that production sends."""
    headers = json.loads((WEB / "staticwebapp.config.json").read_text())["globalHeaders"]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, fields, body = site.answer(self.path)
            self.send_response(status)
            for name, value in {**headers, **fields, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Tests have nothing to say about each request."""

    server = Server(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
