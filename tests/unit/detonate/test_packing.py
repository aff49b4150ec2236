"""A sample's bytes between live response and our storage: right, whole, and never all in memory."""

import gzip
import tracemalloc
from contextlib import contextmanager, suppress
from hashlib import sha256, shake_256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.detonate import packing
from tidegate.detonate.packing import GZIP, MAX_MEMBERS, digest_of, unpack, wrap, written
from tidegate.ports import BadPayload

MIB = 1 << 20
OTHER = "0" * 64  # the SHA-256 of none of these files


def digest(data):
    return sha256(data).hexdigest()


def noise(size):
    """Bytes that no packing makes smaller, the same every time."""
    return shake_256(b"Tidegate").digest(size)


@pytest.fixture(scope="session")
def unpacking(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packing")

    def run(data, expected=OTHER, max_bytes=MIB):
        source, to = folder / "collected", folder / "sample"
        source.write_bytes(data)
        to.unlink(missing_ok=True)
        try:
            said = unpack(source, to, expected, max_bytes)
        except BadPayload:
            assert sorted(folder.iterdir()) == [source]
            raise
        plain = to.read_bytes()
        assert said == digest(plain)
        return plain

    return run


# --- unpacking --------------------------------------------------------------------------------


@given(st.binary(max_size=500))
def test_gzip_is_opened_and_what_is_none_is_left(unpacking, data):
    assert unpacking(gzip.compress(data), digest(data)) == data
    assert unpacking(data, digest(data)) == data


def test_evidence_that_is_a_gzip_itself_stays_one(unpacking):
    archive = gzip.compress(b"log")
    assert unpacking(archive, digest(archive)) == archive
    assert unpacking(archive, digest(archive).upper()) == archive
    assert unpacking(gzip.compress(archive), digest(archive)) == archive


@pytest.mark.parametrize(
    ("data", "limit", "why"),
    [
        (gzip.compress(bytes(5 << 20)), MIB, "unpacks to more than 1,048,576 bytes"),
        (gzip.compress(bytes(50 << 20)), 1 << 30, "unpacks to more"),
        (gzip.compress(b"x" * 50) + gzip.compress(b"x" * 51), 100, "unpacks to more"),
        (b"MZ" + b"x" * 99, 100, "unpacks to more"),
        (gzip.compress(b"x" * 100)[:-9], MIB, "cut off"),
        (gzip.compress(b"x") + gzip.compress(b"x" * 100)[:-9], MIB, "cut off"),
        (GZIP, MIB, "cut off"),
        (b"\x1f\x8b\x08junk", MIB, "broken"),
        (gzip.compress(b"x" * 100)[:-8] + bytes(8), MIB, "broken"),
        (gzip.compress(b"") * (MAX_MEMBERS + 1), MIB, "broken"),
    ],
    ids=[
        "too big",
        "a bomb",
        "too big together",
        "too big as it is",
        "cut off",
        "cut off in its second member",
        "no more than a magic",
        "broken",
        "another checksum",
        "more members than anyone makes",
    ],
)
def test_bombs_and_broken_archives_are_refused_and_leave_nothing(unpacking, data, limit, why):
    with pytest.raises(BadPayload, match=why):
        unpacking(data, max_bytes=limit)


def test_a_file_may_be_as_large_as_the_limit(unpacking):
    data = noise(MIB)
    assert unpacking(gzip.compress(data), digest(data), MIB) == data
    assert unpacking(data, digest(data), MIB) == data


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=5), st.integers(2, 40))
def test_all_members_are_read_wherever_a_chunk_ends(unpacking, parts, chunk):
    packed = b"".join(map(gzip.compress, parts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "CHUNK", chunk)
        assert unpacking(packed) == b"".join(parts)


@given(st.sampled_from([bytes(1), bytes(1000), b"\x1f", b"\x8b\x1f", b"junk"]), st.integers(2, 40))
def test_what_follows_the_last_member_is_ignored(unpacking, junk, chunk):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "CHUNK", chunk)
        assert unpacking(gzip.compress(b"sample") + junk) == b"sample"


@given(st.binary(max_size=300), st.integers(0, 400))
def test_a_gzip_that_is_cut_anywhere_is_refused(unpacking, data, cut):
    packed = gzip.compress(data)
    cut = cut % (len(packed) - len(GZIP)) + len(GZIP)
    with pytest.raises(BadPayload, match="cut off"):
        unpacking(packed[:cut])


@given(st.binary(max_size=300))
def test_whatever_looks_like_a_gzip_is_unpacked_or_refused(unpacking, junk):
    with suppress(BadPayload):
        unpacking(b"\x1f\x8b\x08\x00" + junk)


# --- wrapping ---------------------------------------------------------------------------------


def test_a_wrapped_sample_is_another_file_and_wrapping_undoes_itself(tmp_path):
    plain, hidden, again = (tmp_path / name for name in ("plain", "hidden", "again"))
    plain.write_bytes(noise(MIB + 7))
    wrap(plain, hidden)
    wrap(hidden, again)
    assert again.read_bytes() == plain.read_bytes()
    assert not set(zip(plain.read_bytes(), hidden.read_bytes(), strict=True)) & {
        (byte, byte) for byte in range(256)
    }


def test_what_stored_samples_are_masked_with_never_changes(tmp_path):
    (tmp_path / "plain").write_bytes(bytes(range(256)))
    wrap(tmp_path / "plain", tmp_path / "hidden")
    assert (tmp_path / "hidden").read_bytes() == bytes(byte ^ 0xA5 for byte in range(256))


def test_an_empty_file_has_a_digest_and_a_mask(tmp_path):
    (tmp_path / "plain").touch()
    wrap(tmp_path / "plain", tmp_path / "hidden")
    assert digest_of(tmp_path / "hidden") == digest(b"")


def test_no_part_of_a_sample_stays_when_it_cannot_all_be_written(tmp_path):
    def failing():
        yield b"part of a sample"
        raise OSError(28, "no space left")

    with pytest.raises(OSError, match="no space left"):
        written(failing(), tmp_path / "sample")
    assert not list(tmp_path.iterdir())


@contextmanager
def little_memory():
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB


def test_a_bomb_goes_off_in_no_memory(tmp_path):
    (tmp_path / "collected").write_bytes(gzip.compress(bytes(50 * MIB)))
    with little_memory(), pytest.raises(BadPayload, match="unpacks to more"):
        unpack(tmp_path / "collected", tmp_path / "sample", OTHER, 100 * MIB)


@pytest.mark.slow
def test_thirty_megabytes_are_never_all_in_memory(tmp_path):
    data = noise(30 * MIB)
    expected = digest(data)
    (tmp_path / "collected").write_bytes(gzip.compress(data, 1))
    del data
    with little_memory():
        said = unpack(tmp_path / "collected", tmp_path / "sample", expected, 100 * MIB)
        wrap(tmp_path / "sample", tmp_path / "hidden")
        wrap(tmp_path / "hidden", tmp_path / "again")
    assert said == digest_of(tmp_path / "again") == expected
