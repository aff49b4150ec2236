"""Coverage-guided fuzzing: `python tests/fuzz/parsers.py TARGET [-max_total_time=300] [CORPUS]`.

Needs atheris, which runs on Linux and is no dependency of the project: `pip install atheris`.
Targets: canonical, columns, extract, pattern, plain, and `feed:NAME` for each feed's parser. What
follows the target goes to libFuzzer. A finding ends the run, and is left in a file `crash-*`.
"""

import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import atheris
import polars as pl

with atheris.instrument_imports(include=["tidegate"]):
    from tidegate.canonical import Rejected, Shape, canonical, defanged, guess
    from tidegate.columns import canonicalise
    from tidegate.declare.feed import Feed, feeds
    from tidegate.extract import extract
    from tidegate.hygiene import Policy
    from tidegate.ingest.normal import normal, times
    from tidegate.ingest.parse import columns_of, parse
    from tidegate.ingest.payload import plain
    from tidegate.model import Kind
    from tidegate.ports import BadPayload
    from tidegate.stix.read import observables

NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)
KINDS = [*Kind, *Shape]
POLICY = Policy(simulated=True)

Target = Callable[[bytes], None]


def of_a_kind(data: bytes) -> tuple[Kind | Shape, str]:
    kind = KINDS[data[0] % len(KINDS)] if data else Kind.URL
    return kind, data[1:].decode("utf-8", "replace")


def a_value(data: bytes) -> None:
    """What is canonical stays as it is."""
    kind, text = of_a_kind(data)
    with suppress(Rejected):
        exact = canonical(kind, text)
        assert canonical(*exact) == exact, (kind, text)
        defanged(exact[1])
    with suppress(Rejected):
        found = guess(text)
        assert canonical(*found) == found, text


def a_column(data: bytes) -> None:
    """The vectorised path reads a value as the exact one does."""
    kind, text = of_a_kind(data)
    exact = None
    with suppress(Rejected):
        exact = canonical(kind, text)
    found = canonicalise(pl.Series([kind.value]), pl.Series([text])).row(0, named=True)
    assert (exact is None) == (found["rejected"] is not None), (kind, text)
    assert exact is None or (found["kind"], found["value"]) == exact, (kind, text)
    times(pl.Series([text])).to_list()


def a_text(data: bytes) -> None:
    extract(data.decode("utf-8", "replace"))


def a_pattern(data: bytes) -> None:
    list(observables(data.decode("utf-8", "replace")))


def a_wrapper(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "payload"
        file.write_bytes(data)
        with suppress(BadPayload):
            plain(file, Path(folder))


def a_payload_of(feed: Feed) -> Target:
    def read(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "payload"
            file.write_bytes(data)
            with suppress(BadPayload):
                text = plain(file, Path(folder))
                columns_of(feed, text)
                normal(feed, parse(feed, text), POLICY, NOW).sightings.to_dicts()

    return read


def targets() -> dict[str, Target]:
    flat = {
        "canonical": a_value,
        "columns": a_column,
        "extract": a_text,
        "pattern": a_pattern,
        "plain": a_wrapper,
    }
    return flat | {f"feed:{name}": a_payload_of(feed) for name, feed in feeds().items()}


def main() -> None:
    known, chosen = targets(), sys.argv.pop(1) if len(sys.argv) > 1 else ""
    if chosen not in known:
        sys.exit(f"{__doc__}\nKnown targets: {', '.join(known)}")
    atheris.Setup(sys.argv, known[chosen])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
