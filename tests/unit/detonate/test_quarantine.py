"""Defender's quarantine, staged by a device that may be hostile: one file comes out, or none."""

import struct
import tracemalloc
from contextlib import suppress
from hashlib import sha256, shake_256
from io import BytesIO
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile, ZipInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.detonate import quarantine
from tidegate.detonate.quarantine import (
    BACKUP_DATA,
    MAX_MEMBERS,
    MAX_STREAMS,
    extract,
)
from tidegate.ports import BadPayload
from tidegate.simulator.quarantine import (
    DESCRIPTOR,
    SECURITY_DATA,
    archive,
    encrypted,
    resource_data,
    staged,
    stream,
)

MIB = 1 << 20
WANTED = b"Tidegate sample: quarantined\n"
WANTED_DIGEST = sha256(WANTED).hexdigest()
ANOTHER = b"Tidegate sample: somebody else's\n"
PLACE = "ResourceData/5D/5D92927E35A6D8FECE000ABB9739F5AEFF914A3E"
EA_DATA, ALTERNATE_DATA = 2, 4


def digest(data):
    return sha256(data).hexdigest()


def noise(size):
    """Bytes that no packing makes smaller, the same every time."""
    return shake_256(b"Tidegate").digest(size)


@pytest.fixture(scope="session")
def extracting(tmp_path_factory):
    """Extracts from a zip's bytes; whatever happens, nothing else may be on the disk after."""
    folder = tmp_path_factory.mktemp("quarantine")

    def run(packed, wanted=WANTED_DIGEST, max_bytes=MIB):
        staged_at, to = folder / "staged.zip", folder / "sample"
        staged_at.write_bytes(packed)
        to.unlink(missing_ok=True)
        found = False
        try:
            found = extract(staged_at, wanted, to, max_bytes)
        finally:
            assert sorted(folder.iterdir()) == ([to, staged_at] if found else [staged_at])
        return to.read_bytes() if found else None

    return run


def backup(content=WANTED, descriptor=DESCRIPTOR):
    """A quarantined file before it is encrypted."""
    return stream(SECURITY_DATA, descriptor) + stream(BACKUP_DATA, content)


def of(plain, name=PLACE):
    return archive({name: encrypted(plain)})


def listed(change, content=WANTED, method=ZIP_DEFLATED):
    """A quarantine whose list of members was changed after it was written."""
    packed = BytesIO()
    with ZipFile(packed, "w", method) as bundle:
        bundle.writestr(ZipInfo(PLACE), resource_data(content), method)
        change(bundle)
    return packed.getvalue()


# --- the format -------------------------------------------------------------------------------


def test_a_file_laid_out_byte_by_byte_is_found(extracting):
    length = len(DESCRIPTOR)
    plain = bytearray(0x28 + length)
    struct.pack_into("<I", plain, 0, SECURITY_DATA)
    struct.pack_into("<I", plain, 0x08, length)
    plain[0x14 : 0x14 + length] = DESCRIPTOR
    struct.pack_into("<I", plain, 0x14 + length, BACKUP_DATA)
    struct.pack_into("<Q", plain, 0x1C + length, len(WANTED))
    packed = archive({PLACE: encrypted(bytes(plain) + WANTED)})
    assert extracting(packed) == WANTED


@given(st.binary(max_size=500), st.binary(max_size=100))
def test_what_was_quarantined_comes_back(extracting, content, descriptor):
    packed = archive({PLACE: resource_data(content, descriptor)})
    assert extracting(packed, digest(content)) == content
    assert extracting(packed, digest(content).upper()) == content
    assert extracting(packed, digest(content + b"x")) is None


def test_attributes_before_the_data_and_streams_behind_them_are_passed_over(extracting):
    name = "\N{COLON}Zone.Identifier:$DATA".encode("utf-16-le")
    about = stream(SECURITY_DATA, DESCRIPTOR) + stream(EA_DATA, b"attributes")
    after = stream(ALTERNATE_DATA, b"[ZoneTransfer]", name)
    data = stream(BACKUP_DATA, WANTED)
    assert extracting(of(about + data + after)) == WANTED
    assert extracting(of(about + after + data)) == WANTED
    assert extracting(of(data)) == WANTED


# --- several files, and whose -----------------------------------------------------------------


def test_of_several_files_the_one_wanted_is_kept(extracting):
    contents = [ANOTHER, WANTED, b"", b"a third one"]
    packed = staged(contents)
    for content in contents:
        assert extracting(packed, digest(content)) == content
    assert extracting(packed, digest(b"a fourth one")) is None


def test_nothing_is_quarantined_or_nothing_that_we_know(extracting):
    assert extracting(staged([])) is None
    assert extracting(archive({})) is None


@pytest.mark.parametrize(
    "name",
    [
        "ResourceData\\5D\\5D92",
        "resourcedata/5d/5d92",
        "RESOURCEDATA\\5D92",
        "Quarantine/ResourceData/5D/5D92",
        "/ResourceData/5D/5D92",
        "C:\\ResourceData\\5D92",
        "..\\..\\ResourceData\\..\\..\\etc\\passwd",
        "../../ResourceData/../sample",
    ],
)
def test_names_are_compared_and_never_become_paths(extracting, name):
    assert extracting(of(backup(), name)) == WANTED


@pytest.mark.parametrize(
    "name",
    ["Entries/5D92", "Resources/5D/5D92", "ResourceData", "ResourceData/", "MyResourceData/5D"],
)
def test_other_folders_hold_no_files(extracting, name):
    assert extracting(of(backup(), name)) is None


def test_a_symbolic_link_is_bytes_like_any_other_member(extracting):
    def link(bundle):
        bundle.infolist()[0].external_attr = 0o120777 << 16

    assert extracting(listed(link)) == WANTED


def test_a_compressed_archive_is_read_as_well(extracting):
    packed = archive({PLACE: resource_data(WANTED)}, ZIP_DEFLATED)
    assert extracting(packed) == WANTED


# --- hostile files ----------------------------------------------------------------------------

SECOND = 0x14 + len(DESCRIPTOR)
FIELDS = {
    "size of the descriptor": (0x08, 8),
    "low size of the descriptor": (0x08, 4),
    "name of the descriptor": (0x10, 4),
    "id of the data": (SECOND, 4),
    "size of the data": (SECOND + 0x08, 8),
    "low size of the data": (SECOND + 0x08, 4),
    "name of the data": (SECOND + 0x10, 4),
}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    "value",
    [0, 1, 0x14, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 63, (1 << 63) - 1, (1 << 64) - 1],
    ids=hex,
)
def test_a_hostile_field_costs_no_more_than_its_file(extracting, field, value):
    offset, size = FIELDS[field]
    plain = bytearray(backup())
    before = int.from_bytes(plain[offset : offset + size], "little")
    value &= (1 << 8 * size) - 1
    plain[offset : offset + size] = value.to_bytes(size, "little")
    hostile, good = encrypted(bytes(plain)), resource_data(ANOTHER)
    packed = archive({PLACE: hostile, PLACE + "0": good})
    assert extracting(packed, digest(ANOTHER)) == ANOTHER
    assert extracting(packed) == (WANTED if value == before else None)


@given(st.integers(0, 0x14 + len(DESCRIPTOR) + 0x14 - 1), st.integers(0, 255))
def test_any_byte_of_the_headers_may_be_another(extracting, at, byte):
    plain = bytearray(backup())
    plain[at] = byte
    assert extracting(of(bytes(plain))) in {WANTED, None}


def test_a_file_that_is_cut_off_anywhere_is_passed_over(extracting):
    plain = backup()
    for length in range(len(plain)):
        assert extracting(of(plain[:length])) is None
    assert extracting(of(plain)) == WANTED


def test_only_so_many_streams_are_looked_through(extracting):
    data = stream(BACKUP_DATA, WANTED)
    assert extracting(of(stream(EA_DATA, b"") * (MAX_STREAMS - 1) + data)) == WANTED
    assert extracting(of(stream(EA_DATA, b"") * MAX_STREAMS + data)) is None


def test_a_file_larger_than_wanted_is_passed_over(extracting):
    content = noise(3000)
    packed = staged([content, WANTED])
    assert extracting(packed, digest(content), max_bytes=3000) == content
    assert extracting(packed, digest(content), max_bytes=2999) is None
    assert extracting(packed, max_bytes=2999) == WANTED


def test_a_member_much_larger_than_wanted_is_not_even_opened(extracting, monkeypatch):
    content = noise(3 * MIB)
    packed = staged([content])
    assert extracting(packed, digest(content), max_bytes=3 * MIB) == content
    monkeypatch.setattr(ZipFile, "open", None)
    assert extracting(packed, digest(content), max_bytes=MIB) is None


# --- hostile archives -------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [b"", b"PK", b"MZ" * 5000, staged([WANTED])[:-1]])
def test_what_is_no_zip_is_refused(extracting, packed):
    with pytest.raises(BadPayload, match="no zip"):
        extracting(packed)


def test_a_zip_that_zipfile_does_not_understand_is_refused(extracting):
    def newer(bundle):
        bundle.infolist()[0].extract_version = 99

    with pytest.raises(BadPayload, match="no zip"):
        extracting(listed(newer))


def test_names_that_are_no_text_are_refused_or_passed_over(extracting):
    good, bad = "\N{SNOWMAN}".encode(), b"\xff\xff\xff"
    packed = of(backup(), "ResourceData/\N{SNOWMAN}")
    assert extracting(packed) == WANTED
    assert extracting(packed.replace(good, bad, 1)) is None
    with pytest.raises(BadPayload, match="no zip"):
        extracting(packed.replace(good, bad))


def test_a_bomb_is_refused(extracting):
    packed = archive({PLACE: bytes(30 * MIB)}, ZIP_DEFLATED)
    with pytest.raises(BadPayload, match="unpacks to more"):
        extracting(packed, max_bytes=100 * MIB)


def test_many_files_are_no_more_than_all_of_them_may_be(extracting, monkeypatch):
    packed = staged([WANTED, ANOTHER])
    size = len(resource_data(WANTED)) + len(resource_data(ANOTHER))
    monkeypatch.setattr(quarantine, "MAX_TOTAL", size)
    assert extracting(packed) == WANTED
    monkeypatch.setattr(quarantine, "MAX_TOTAL", size - 1)
    with pytest.raises(BadPayload, match="unpacks to more"):
        extracting(packed)


def test_members_that_overlap_are_refused(extracting):
    def twice(bundle):
        bundle.filelist += bundle.filelist

    with pytest.raises(BadPayload, match="larger than itself"):
        extracting(listed(twice, noise(5000)))


@pytest.mark.parametrize(
    "names",
    [[f"Entries/{number}" for number in range(MAX_MEMBERS + 1)], ["x" * 60_000] * 20],
    ids=["many", "long"],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_list_of_too_many_members_is_refused(extracting, names):
    packed = BytesIO()
    with ZipFile(packed, "w") as bundle:
        for name in names:
            bundle.writestr(ZipInfo(name), b"")
    with pytest.raises(BadPayload, match=r"too many members|more than 2,000 members"):
        extracting(packed.getvalue())


def test_as_many_members_as_the_script_stages_are_read(extracting):
    members = {f"Entries/{number}": b"" for number in range(MAX_MEMBERS - 1)}
    assert extracting(archive({**members, PLACE: resource_data(WANTED)})) == WANTED


@pytest.mark.parametrize(
    "change",
    [
        {"flag_bits": 1},
        {"flag_bits": 0x20},
        {"compress_type": ZIP_LZMA},
        {"compress_type": ZIP_BZIP2},
        {"compress_type": 0},
        {"compress_size": 0},
        {"compress_size": 10},
        {"file_size": 0},
        {"file_size": 10},
        {"header_offset": 40},
        {"header_offset": 1 << 31},
        {"header_offset": (1 << 64) - 1},
        {"filename": "ResourceData/another"},
        {"CRC": 1},
    ],
    ids=str,
)
def test_a_member_that_lies_about_itself_is_passed_over(extracting, change):
    def lie(bundle):
        for name, value in change.items():
            setattr(bundle.infolist()[0], name, value)

    assert extracting(listed(lie)) is None


SHORT = backup().replace(struct.pack("<Q", len(WANTED)), struct.pack("<Q", 5000))


@pytest.mark.parametrize("method", [ZIP_STORED, ZIP_DEFLATED])
@pytest.mark.parametrize("sizes", [["file_size"], ["file_size", "compress_size"]], ids=str)
def test_a_member_shorter_than_its_archive_and_its_streams_say_ends(extracting, method, sizes):
    packed = BytesIO()
    with ZipFile(packed, "w", method) as bundle:
        bundle.writestr(ZipInfo(PLACE), encrypted(SHORT), method)
        whole = packed.tell() + 46 + len(PLACE) + 22  # with the list of members, and the end
        for name in sizes:
            setattr(bundle.infolist()[0], name, whole)
    assert len(packed.getvalue()) == whole
    assert extracting(packed.getvalue()) is None


def test_a_member_that_is_badly_packed_is_passed_over(extracting):
    packed = bytearray(archive({PLACE: resource_data(WANTED)}, ZIP_DEFLATED))
    start = packed.index(PLACE.encode()) + len(PLACE)
    packed[start] = 0xFF
    assert extracting(bytes(packed)) is None


@given(st.data())
@settings(deadline=None)
def test_a_zip_with_bytes_changed_is_read_or_refused(extracting, data):
    packed = bytearray(staged([ANOTHER, WANTED]))
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    with suppress(BadPayload):
        assert extracting(bytes(packed)) in {WANTED, None}


def test_a_zip_that_is_cut_off_anywhere_is_refused(extracting):
    packed = staged([WANTED])
    for length in range(len(packed)):
        with pytest.raises(BadPayload):
            extracting(packed[:length])


@pytest.mark.slow
def test_thirty_megabytes_are_never_all_in_memory(tmp_path):
    data = noise(30 * MIB)
    wanted = digest(data)
    (tmp_path / "staged.zip").write_bytes(staged([ANOTHER, data, WANTED]))
    del data
    tracemalloc.start()
    try:
        assert extract(tmp_path / "staged.zip", wanted, tmp_path / "sample", 100 * MIB)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert digest((tmp_path / "sample").read_bytes()) == wanted
    assert peak < 8 * MIB
