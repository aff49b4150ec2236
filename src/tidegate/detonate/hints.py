"""A hint from the sandbox that an analysis has ended: genuine only if we signed what it carries."""

import hmac


def signature(key: str | bytes, nonce: str) -> str:
    """Return what proves that we gave out this nonce: its HMAC-SHA256, in hex."""
    secret = key.encode() if isinstance(key, str) else key
    return hmac.digest(secret, nonce.encode("utf-8", "replace"), "sha256").hex()


def genuine(key: str | bytes, nonce: str, given: str) -> bool:
    """Say whether `given` is our signature of the nonce, in a time that tells nothing of it.

    Without a key nothing is genuine: anybody could sign with none.
    """
    said = given.encode("utf-8", "replace")
    return bool(key) and hmac.compare_digest(signature(key, nonce).encode(), said)
