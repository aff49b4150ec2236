"""The simulated quarantine is encrypted as a real one is."""

from hypothesis import given
from hypothesis import strategies as st

from tidegate.detonate.quarantine import KEY
from tidegate.simulator.quarantine import encrypted, staged


def rc4(key, data):
    """RC4 by the book, independent of the library."""
    box, j = list(range(256)), 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) % 256
        box[i], box[j] = box[j], box[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) % 256])
    return bytes(out)


def test_rc4_by_the_book_is_rc4():
    assert rc4(b"Key", b"Plaintext").hex() == "bbf316e8d940af0ad3"


@given(st.binary(max_size=600))
def test_the_cipher_is_rc4_under_the_whole_key(data):
    assert len(KEY) == 256
    assert encrypted(data) == rc4(KEY, data)


def test_the_same_quarantine_is_staged_as_the_same_bytes():
    assert staged([b"one", b"another"]) == staged([b"one", b"another"])
