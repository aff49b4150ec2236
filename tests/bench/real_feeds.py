"""What becomes of real feeds: `python tests/bench/real_feeds.py FOLDER`.

FOLDER holds stored feeds, a folder for each, with `fixtures/` in the exact formats and `series/` of
one list over time. Each file is run through its feed on a fresh home, each series in its order on
one home; what came of them is printed as Markdown. Nothing is fetched. Documentation addresses
count as any others, as in the simulated tenant; the warninglists of FOLDER/warninglists suppress.
Answers with a status line (`*.http`) are left out: the HTTP client reads those, not a feed.
"""

import logging
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from tidegate.adapters.local.database import connect
from tidegate.adapters.local.feeds import FeedTable
from tidegate.adapters.local.files import FileObjects
from tidegate.adapters.local.runs import RunTable
from tidegate.adapters.local.sightings import SegmentStore
from tidegate.adapters.local.withheld import WithheldFiles
from tidegate.adapters.warninglists import Folder
from tidegate.declare.feed import Feed, feeds
from tidegate.hygiene import Policy
from tidegate.ingest.run import Job, run
from tidegate.ingest.world import World
from tidegate.model import Origin, Outcome, Status

# The feed that reads a file, where its folder does not say it; and what the file is, where it is
# not what that feed fetches.
LINES = "a plain list"
READ_BY: Mapping[str, tuple[str, str]] = {
    "cins/": ("cins", ""),
    "dshield/isc_20260822_malformed_rows_part1.txt": ("cins", f"{LINES} with malformed rows"),
    "dshield/sans_20260822.txt": ("cins", LINES),
    "feodo/abuse-ch-ipblocklist_20260822.txt": ("cins", LINES),
    "feodo/fixtures/feodo_ipblocklist.csv": ("feodo", ""),
    "feodo/": ("feodo", "JSON, where we fetch the CSV"),
    "generic_txt/alienvault_ssh_20260822.txt": ("cins", LINES),
    "generic_txt/": ("prose", "lists of several kinds, with comments"),
    "misp/fixtures/misp_manifest.json": ("misp_circl", "a manifest, no event"),
    "misp/": ("misp_circl", ""),
    "nasty/nasty_bom_list.txt": ("cins", "byte order mark, CRLF"),
    "nasty/nasty_values.txt": ("prose", "38 spellings"),
    "nasty/nasty_error_200.json": ("urlhaus_api", "an error with status 200"),
    "nasty/nasty_html_200.html": ("urlhaus", "a challenge page with status 200"),
    "nasty/nasty_truncated.csv.gz": ("urlhaus", "a gzip cut short"),
    "nasty/nasty_two_members.zip": ("urlhaus", "a zip whose first member is not the data"),
    "nasty/nasty_gzip_bomb_10MB.gz": ("cins", "a bomb"),
    "abuseipdb/fixtures/abuseipdb_check.json": ("abuseipdb", "a look-up's answer"),
    "sentinel/": ("sentinel", "of the upload API, no table"),
    "spamhaus/fixtures/spamhaus_drop.txt": ("firehol_level1", "DROP as text"),
    "spamhaus/": ("spamhaus_drop", ""),
    "sslbl/": ("sslbl_certificates", ""),
    "threatfox/threatfox_derived_dirty_2023.csv": ("prose", "a dirty CSV of mixed kinds"),
    "tor/": ("tor_exits", ""),
    "urlhaus/fixtures/urlhaus_api_": ("urlhaus_api", ""),
    "urlhaus/fixtures/urlhaus_text_online.txt": ("openphish", "URLs line by line"),
    "urlhaus/urlhaus_csv_online": ("urlhaus_online", ""),
    "dshield/series/": ("cins", ""),
}
NO_PAYLOAD = {"greynoise", "virustotal", "warninglists", "licences"}  # answers to look-ups; terms
DOCUMENTATION = {"rfc3849", "rfc5735"}  # the lists that name these addresses
NOT_PAYLOADS = {".http", ".md"}
DATED = re.compile(r"_(20\d{6})[_.]")
OTHERWISE = datetime(2026, 2, 8, tzinfo=UTC)  # fixtures are of these days
HEAD = """| file | feed | status | rows | kept | repeated | suppressed | rejected | written | s |
|---|---|---|--:|--:|--:|---|---|--:|--:|"""


class Nobody:
    """No network."""

    def request(self, method, url, **_):
        raise AssertionError(url)

    download = request


@dataclass
class Home:
    """A fresh home with a clock that we turn, which counts the rows that are written."""

    root: Path
    policy: Policy
    now: datetime = OTHERWISE
    written: int = 0
    world: World = field(init=False)

    def __post_init__(self) -> None:
        self.database = connect(self.root / "tidegate.sqlite")
        self.world = World(
            http=Nobody(),
            sightings=SegmentStore(self.root / "sightings"),
            feeds=FeedTable(self.database),
            runs=RunTable(self.database),
            objects=FileObjects(self.root / "objects", lambda: self.now),
            clock=lambda: self.now,
            policy=self.policy,
            scratch=self.root / "scratch",
            secrets={},
            urls={},
            suppressed=WithheldFiles(self.root / "suppressed"),
        )

    def run(self, feed: Feed, file: Path) -> Outcome:
        return run(Job(feed, file, Origin.FILE), self.world)

    def written_now(self, feed: Feed) -> int:
        """Return how many rows of the state were written by a run of this moment."""
        return int((self.world.sightings.state(feed.name)["written"] == self.now).sum())

    def suppressed(self, feed: Feed) -> str:
        why = self.world.suppressed.state(feed.name)["why"].value_counts(sort=True)
        return ", ".join(f"{reason} {number:,}" for reason, number in why.head(4).rows())


def feed_of(path: str) -> tuple[Feed, str]:
    known = feeds()
    for start, (name, note) in READ_BY.items():
        if path.startswith(start):
            return known[name], note
    return known[path.partition("/")[0]], ""


def when(file: Path) -> datetime:
    """Return when the file was fetched, as far as its name tells."""
    if file.suffix == ".gz" and (stamp := file.name.partition("_")[0]).isdecimal():
        return datetime.fromtimestamp(int(stamp), UTC)
    dated = DATED.search(file.name)
    return datetime.strptime(dated[1], "%Y%m%d").replace(tzinfo=UTC) if dated else OTHERWISE


def row(name: str, outcome: Outcome, home: Home, feed: Feed) -> str:
    rejected = ", ".join(f"{why} {number:,}" for why, number in sorted(outcome.rejected.items()))
    held = home.suppressed(feed) if outcome.status is Status.OK and outcome.suppressed else ""
    suppressed = f"{outcome.suppressed:,}" + (f" ({held})" if held else "")
    said = f"{outcome.status}" + (f": {outcome.reason}" if outcome.reason else "")
    counts = f"{outcome.rows:,} | {outcome.kept:,} | {outcome.repeated:,} | {suppressed}"
    wrote = home.written_now(feed) if outcome.status is Status.OK else 0
    cells = f"{feed.name} | {said} | {counts} | {rejected} | {wrote:,} | {outcome.seconds:.2f}"
    return f"| {name} | {cells} |"


def singles(folder: Path, policy: Policy) -> Iterator[str]:
    for file in sorted(folder.glob("*/**/*")):
        path = file.relative_to(folder).as_posix()
        if not file.is_file() or "/series/" in path or file.suffix in NOT_PAYLOADS:
            continue
        if path.partition("/")[0] in NO_PAYLOAD:
            continue
        feed, note = feed_of(path)
        with tempfile.TemporaryDirectory() as root:
            home = Home(Path(root), policy, when(file))
            outcome = home.run(feed, file)
            yield row(f"{path}{' (' + note + ')' if note else ''}", outcome, home, feed)
            home.database.close()


def series(folder: Path, policy: Policy) -> Iterator[str]:
    for versions in sorted(folder.glob("*/series/*")):
        feed, _ = feed_of(versions.relative_to(folder).as_posix() + "/")
        yield f"\n## {versions.name}\n\n{HEAD}"
        with tempfile.TemporaryDirectory() as root:
            home = Home(Path(root), policy)
            yield from versions_of(versions, feed, home)
            home.database.close()


def versions_of(folder: Path, feed: Feed, home: Home) -> Iterator[str]:
    total, full = 0, 0
    for file in sorted(folder.glob("*.gz")):
        home.now = when(file)
        outcome = home.run(feed, file)
        total += home.written_now(feed) if outcome.status is Status.OK else 0
        full += outcome.kept or (outcome.rows if outcome.status is Status.UNCHANGED else 0)
        held = len(home.world.sightings.state(feed.name))
        yield row(f"{file.name} ({outcome.withdrawn:,} gone, {held:,} held)", outcome, home, feed)
    yield f"\n{total:,} rows written; each list whole: {full:,}, {full / total:.1f} times as many."


def warned(folder: Path, root: Path) -> Policy:
    lists = Folder(root)
    for file in sorted(folder.glob("warninglists/misp/*.json")):
        if file.stem in DOCUMENTATION:
            continue
        lists.install(file.stem, file.read_bytes())
    return Policy(simulated=True, lists=lists.lists(), popular=lists.popularity())


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("nowhere")
    if not folder.is_dir():
        print(f"{__doc__}\nNothing to do: there is no folder of stored feeds at {folder}.")
        return
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as root:
        policy = warned(folder, Path(root))
        print(f"## Files\n\n{HEAD}")
        for line in chain(singles(folder, policy), series(folder, policy)):
            print(line)


if __name__ == "__main__":
    main()
