"""Texts without indicators and names of people, for whoever may read less than an analyst."""

import re

# An address of the web keeps its host and loses the rest; whose host it is, is no secret.
URL = re.compile(
    r"\b(?P<before>[a-z][a-z0-9+.-]{1,15}://)(?:[^\s/?#\"<>]*@)?(?P<host>[^\s/?#\"'<>]+)[^\s\"<>]*",
    re.IGNORECASE,
)
MAIL = re.compile(r"[^\s\"<>(),;:]+@[^\s\"'<>(),;:]+")
HASH = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})\b", re.IGNORECASE)
IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}(?:\.|\[\.\])){3}\d{1,3}(?:/\d{1,2})?(?![\w.])")
IPV6 = re.compile(
    r"(?<![\w:])(?=[0-9a-f:]*::|(?:[0-9a-f]{1,4}:){7})[0-9a-f:]+(?:\d*(?:\.\d{1,3}){3})?(?:/\d{1,3})?",
    re.IGNORECASE,
)


def without_values(text: str) -> str:
    """Return the text with hosts alone of addresses of the web, and without mail and IP addresses,
    names of people as Entra writes them, and hashes.

    A domain by itself stays: it looks like the name of a feed's server.
    """
    text = URL.sub(lambda found: found["before"] + found["host"], text)
    for what, told in (
        (MAIL, "[person]"),
        (HASH, "[hash]"),
        (IPV6, "[address]"),
        (IPV4, "[address]"),
    ):
        text = what.sub(told, text)
    return text
