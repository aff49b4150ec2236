"""Whatever a source sends, a run ends with an outcome, and what is stored can be read back.

Each example begins with a home in which the feed's sample is stored, and runs one broken payload
to its end.
"""

import gzip
import io
import shutil
import zipfile
from dataclasses import replace

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.adapters.local.withheld import WithheldFiles
from tidegate.canonical import canonical
from tidegate.declare.feed import Feed, Semantics, feeds
from tidegate.ingest.normal import LONGEST, MOST_TAGS, SKEW
from tidegate.model import Kind, Outcome, Status, indicator_id

pytestmark = pytest.mark.slow

ALL = feeds()
named = pytest.mark.parametrize("feed", [pytest.param(feed, id=name) for name, feed in ALL.items()])
many = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)

LONG = 200_000
TEXTS = [
    "",
    " ",
    "\0",
    "\x1b[31m",
    "\u202e\u2028\x85",
    "\ufeff",
    '"',
    '"""',
    "=1+1",
    "None",
    "0000-01-01 00:00:00",
    "0000-01-01",
    "-5000-01-01",
    "+262000-01-01",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    "9" * 19,
    "9" * 400,
    "-1",
    "1e999",
    "NaN",
    "a" * LONG,
    "a," * 5_000,
    "http://[::1",
    "http://a.example:99999/",
    "http://" + "a" * 70_000 + ".example/",
    "http://a.example/" + "%25" * 600 + "41",
    "http://" + "[.]" * 500,
    "(" * 5_000,
    "[" * 5_000 + "]" * 5_000,
    "2001:db8::%eth0",
    "192.0.2.1:99999",
    "192.0.2.0/33",
    "xn--.example",
    "xn--\uff41.example",
    "\uff0e.example",
    "\U000e0001.example",
    "https://\u2100.example",
    "tlp:nothing",
    "[file:hashes.'SHA-256' = '" + "(" * 99,
]
# What stands for JSON that no serialiser writes.
RAW = [
    b'"\\ud800"',
    b'"\\u0000"',
    b"1e400",
    b"-1e400",
    b"9" * 400,
    b"18446744073709551616",
    b"NaN",
    b"[" * 3_000 + b"]" * 3_000,
    b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
    b'{"value":"1","value":"2"}',
]
VALUES = [None, True, -1, 2**63, 0.5, [], [[]], [None], {}, {"a": None}, [{}] * 3, "x", [1, "x"]]
BYTES = [
    b"\0",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\r",
    b"\n" * 999,
    b'"',
    b",",
    b"\x1a",
    b"#",
    b"\x80",
]
ENCODINGS = ["utf-8-sig", "utf-16", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-7", "cp037"]

texts = st.one_of(st.sampled_from(TEXTS), st.text(max_size=20))


@st.composite
def cut_and_flipped(draw, whole: bytes) -> bytes:
    """Cut it, double, drop and swap slices, flip bits, put bytes in."""
    found = whole
    for _ in range(draw(st.integers(1, 4))):
        first, last = sorted(draw(st.tuples(*[st.integers(0, len(found))] * 2)))
        head, part, tail = found[:first], found[first:last], found[last:]
        found = draw(
            st.sampled_from(
                [
                    head,
                    tail,
                    head + tail,
                    head + part * 2 + tail,
                    tail + part + head,
                    head + draw(st.sampled_from(BYTES)) + part + tail,
                    head
                    + bytes(byte ^ draw(st.sampled_from([1, 4, 32, 128])) for byte in part[:1])
                    + part[1:]
                    + tail,
                ]
            )
        )
    return found


@st.composite
def recoded(draw, whole: bytes) -> bytes:
    text = whole.decode()
    return text.encode(draw(st.sampled_from(ENCODINGS)), "replace")


def _zip(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


@st.composite
def packed(draw, whole: bytes) -> bytes:
    """Wrap it, whole or nested, and break the wrapper."""
    wrapped = draw(
        st.sampled_from(
            [
                gzip.compress(whole, mtime=0),
                gzip.compress(gzip.compress(whole, mtime=0), mtime=0),
                gzip.compress(whole, mtime=0) * 2,
                gzip.compress(whole, mtime=0) + b"surplus",
                _zip({"a.csv": whole}),
                _zip({"../../a": whole, "b": whole}),
                _zip({"a.zip": _zip({"a": whole})}),
                _zip({}),
            ]
        )
    )
    return draw(st.one_of(st.just(wrapped), cut_and_flipped(wrapped)))


@st.composite
def tabled(draw, whole: bytes) -> bytes:
    """Put hostile texts into cells and lines, and lines into other places."""
    lines = whole.decode().splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at, text = draw(st.integers(0, len(lines) - 1)), draw(texts)
        cells = lines[at].split(",")
        cells[draw(st.integers(0, len(cells) - 1))] = draw(st.sampled_from([text, f'"{text}"']))
        lines[at] = draw(st.sampled_from([",".join(cells), text, lines[0], lines[-1]]))
    return draw(st.sampled_from(["\n", "\r\n", "\r"])).join(lines).encode("utf-8", "surrogatepass")


def _places(found: object, path: tuple = ()) -> list[tuple]:
    inside = found.items() if isinstance(found, dict) else enumerate(found)
    deeper = [(key, value) for key, value in inside if isinstance(value, dict | list)]
    here = [(*path, key) for key in (found if isinstance(found, dict) else range(len(found)))]
    return here + [place for key, value in deeper for place in _places(value, (*path, key))]


def broken(draw, found: object) -> bytes:
    """Change a few places of a JSON document, also to what no serialiser would write."""
    for _ in range(draw(st.integers(1, 3))):
        places = _places(found) if isinstance(found, dict | list) else []
        if not places:
            break
        *way, last = draw(st.sampled_from(places))
        holder = found
        for key in way:
            holder = holder[key]
        marks = [f"@{number}@" for number in range(len(RAW))]
        value = draw(st.one_of(st.sampled_from([*VALUES, *marks]), texts))
        if isinstance(holder, dict) and draw(st.booleans()) and draw(st.booleans()):
            del holder[last]
        else:
            holder[last] = value
    document = orjson.dumps(found)
    for number, raw in enumerate(RAW):
        document = document.replace(b'"@%d@"' % number, raw)
    return document


@st.composite
def documents(draw, whole: bytes) -> bytes:
    """Change values of a JSON document, or of one of its lines."""
    try:
        return broken(draw, orjson.loads(whole))
    except orjson.JSONDecodeError:
        lines = whole.splitlines()
        at = draw(st.integers(0, len(lines) - 1))
        lines[at] = broken(draw, orjson.loads(lines[at]))
        return b"\n".join(lines)


def payloads(feed: Feed) -> st.SearchStrategy[bytes]:
    whole = feed.sample()
    kinds = [cut_and_flipped(whole), recoded(whole), packed(whole), tabled(whole)]
    if whole.startswith(b"{"):
        kinds += [documents(whole)] * 3
    return st.one_of(kinds)


@pytest.fixture
def begun(lab, tmp_path_factory):
    """Return what makes a home of its own in which the feed's sample is stored."""
    homes = tmp_path_factory.mktemp("homes")
    first = homes / "first"
    shutil.copytree(lab.home, first, dirs_exist_ok=True)
    made = 0

    def begin(feed: Feed):
        nonlocal made
        made += 1
        if not (first / "sightings" / feed.name).exists():
            _stored(type(lab)(first), feed)
        home = homes / str(made)
        shutil.copytree(first, home)
        return _with_suppressed(type(lab)(home))

    return begin


def _with_suppressed(lab):
    lab.world = replace(lab.world, suppressed=WithheldFiles(lab.home / "suppressed"))
    return lab


def _stored(lab, feed: Feed) -> None:
    file = lab.home / "sample"
    file.write_bytes(feed.sample())
    outcome = _with_suppressed(lab).file(feed, file)
    assert outcome.kept >= 1
    lab.database.close()


def survives(lab, feed: Feed, payload: bytes) -> None:
    before, memory = lab.bytes(feed), lab.memory(feed)
    withheld = lab.world.suppressed.state(feed.name)
    file = lab.home / "payload"
    file.write_bytes(payload)
    lab.pass_(hours=1)
    outcome = lab.file(feed, file)
    assert outcome.status in Status
    if outcome.failed:
        assert outcome.reason
        assert (lab.bytes(feed), lab.memory(feed)) == (before, memory)
        assert lab.world.suppressed.state(feed.name).equals(withheld)
    else:
        _counted(feed, outcome)
    _readable(lab, feed)
    assert lab.world.runs.newest(feed.name, 1)[0].outcome == outcome
    assert not list((lab.home / "scratch").iterdir())
    lab.database.close()
    shutil.rmtree(lab.home)


def _counted(feed: Feed, outcome: Outcome) -> None:
    if outcome.status is Status.OK:
        lost = outcome.repeated + outcome.suppressed + sum(outcome.rejected.values())
        assert outcome.rows == outcome.kept + lost
    if feed.semantics is not Semantics.SNAPSHOT:
        assert outcome.withdrawn <= outcome.rejected.get("expired", 0)


def _readable(lab, feed: Feed) -> None:
    state = lab.state(feed)
    for row in state.to_dicts():
        kind, value = Kind(row["kind"]), row["value"]
        assert canonical(kind, value) == (kind, value)
        assert row["id"] == indicator_id(kind, value)
        assert row["first_seen"] <= row["last_seen"] <= lab.now + SKEW
        texts_of = [row["original"], row["threat"], row["reference"], *row["tags"]]
        assert all(len(text or "") <= LONGEST for text in texts_of)
        assert len(row["tags"]) <= MOST_TAGS
        assert lab.world.sightings.of(row["id"])
    lab.world.suppressed.state(feed.name).to_dicts()


@named
@many
@given(data=st.data())
def test_a_run_of_a_broken_payload_ends_with_an_outcome(feed, begun, data):
    survives(begun(feed), feed, data.draw(payloads(feed)))
