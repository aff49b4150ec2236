"""Declares a feed of one's own: a folder with its declaration, and the sample it was guessed by."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from tidegate.cli.app import WRONG_USE, AsJson, emit, fail, feeds_app, house, refuse
from tidegate.show import ingest as shown
from tidegate.wiring import Local

READ = 1 << 20  # bytes of a payload that are looked at
KEPT = 16_000  # characters of a sample that are kept, in whole lines
MOST = 1 << 30
ENDINGS = {"csv": "csv", "jsonl": "jsonl", "code": "json"}
ORDER = (
    "title",
    "reference",
    "licence",
    "every",
    "url",
    "headers",
    "format",
    "like",
    "separator",
    "header",
    "columns",
    "semantics",
    "keep",
    "reliability",
    "indicator",
)


def _option(text: str, *names: str) -> Any:
    return typer.Option(*names, help=text)


Name = Annotated[str, typer.Argument(help="Its name: small letters, digits, _ and -.")]
Url = Annotated[str, _option("Where it is: https, without a query.")]
Form = Annotated[
    str | None, _option("csv, jsonl, lines, text or code; guessed from a sample.", "--format")
]
Like = Annotated[str | None, _option("For code: the built-in feed that reads the same.")]
Kinds = Annotated[str | None, _option("What its values are: url, address, hash …")]
Value = Annotated[str | None, _option("The column or key that holds the values.")]
Columns = Annotated[str | None, _option("All columns of a csv, with commas.")]
Keys = Annotated[list[str] | None, _option("Header=NAME, NAME being one of TIDEGATE_FEED_SECRETS.")]
Every = Annotated[str, _option("How often it is asked.")]
Semantics = Annotated[str, _option("snapshot, window or log.")]
Keep = Annotated[str, _option("How long a sighting holds.")]
Reliability = Annotated[str, _option("A to F; F: it cannot be judged yet.")]
Licence = Annotated[str, _option("The terms of its source.")]
Sample = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="A sample to guess by; its beginning is kept."),
]
Fetch = Annotated[bool, _option("Ask the address for the sample.", "--fetch")]


@feeds_app.command(name="new")
def new(
    name: Name,
    url: Url,
    form: Form = None,
    like: Like = None,
    kind: Kinds = None,
    value: Value = None,
    columns: Columns = None,
    key: Keys = None,
    every: Every = "6h",
    semantics: Semantics = "window",
    keep: Keep = "7d",
    reliability: Reliability = "F",
    licence: Licence = "not stated",
    file: Sample = None,
    fetch: Fetch = False,
    as_json: AsJson = False,
) -> None:
    """Write the declaration of a feed of one's own into the folder of TIDEGATE_FEEDS_FOLDER."""
    given = {
        "title": name,
        "reference": f"https://{urlsplit(url).hostname or 'unknown'}/",
        "licence": licence,
        "every": every,
        "url": url,
        "headers": {header: f"${secret}" for header, _, secret in map(_pair, key or [])},
        "format": form,
        "like": like,
        "semantics": semantics,
        "keep": keep,
        "reliability": reliability,
        "columns": [columns.split(",")] if columns else None,
        "indicator": {"kind": kind, "value": value or "line"} if kind else None,
    }
    given = {one: told for one, told in given.items() if told}
    with house() as opened:
        sample = _sample(opened, given, file, fetch=fetch)
        declared = _declared(given, sample)
        written = _written(opened, name, declared, sample)
    if as_json:
        emit({"feed": name, "file": written, "declaration": declared})
    else:
        shown.notice({"written": written, **declared, "next": f"tidegate feeds test {name}"})


def _pair(text: str) -> tuple[str, str, str]:
    return text.partition("=")


def _sample(
    opened: Local, given: Mapping[str, Any], file: Path | None, *, fetch: bool
) -> str | None:
    """Return the beginning of the file or of what the address gives; None where neither is said."""
    from tidegate.ingest.payload import plain

    if file is None and not fetch:
        return None
    with TemporaryDirectory() as folder:
        path = plain(file or _fetched(opened, given, Path(folder)), Path(folder))
        with path.open("rb") as data:
            return data.read(READ).decode("utf-8-sig", "replace")


def _fetched(opened: Local, given: Mapping[str, Any], folder: Path) -> Path:
    keys = opened.settings.feed_keys
    if not given["url"].startswith("https://"):
        fail("--url must begin with https://", WRONG_USE)
    named = given.get("headers", {})
    secrets = {header: secret.removeprefix("$") for header, secret in named.items()}
    if missing := sorted({*secrets.values()} - keys.keys()):
        fail(f"{missing[0]} is not among TIDEGATE_FEED_SECRETS", WRONG_USE)
    headers = {header: keys[secret] for header, secret in secrets.items()}
    to = folder / "fetched"
    opened.ingest.http.download(given["url"], to, headers=headers, max_bytes=MOST)
    return to


def _declared(given: Mapping[str, Any], sample: str | None) -> dict[str, Any]:
    """Put together what was said and what the sample looks like; what was said counts."""
    from tidegate.ingest.proposal import proposal

    guessed: dict[str, Any] = {}
    if sample is not None and given.get("format") not in {"code", "text"}:
        guessed = proposal(sample)
    if given.get("format", guessed.get("format")) != guessed.get("format"):
        guessed = {}
    both = {**guessed, **given}
    return {one: both[one] for one in ORDER if one in both}


def _written(opened: Local, name: str, declared: dict[str, Any], sample: str | None) -> Path:
    from tidegate.declare.draft import Draft, write
    from tidegate.declare.strict import Mistakes

    folder = opened.settings.feeds_folder
    if folder is None:
        fail("there is no folder for it: set TIDEGATE_FEEDS_FOLDER", WRONG_USE)
    kept = _beginning(sample) if sample else None
    draft = Draft(name, declared, kept, ENDINGS.get(declared.get("format", ""), "txt"))
    try:
        return write(draft, folder, opened.catalogue.taken)
    except Mistakes as mistakes:
        refuse(mistakes.lines)


def _beginning(sample: str) -> bytes:
    """Return the first lines; one document is kept whole, or it would be none."""
    if len(sample) <= KEPT or "\n" not in sample[:KEPT]:
        return sample.encode()
    return sample[: sample.rindex("\n", 0, KEPT) + 1].encode()
