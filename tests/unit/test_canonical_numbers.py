"""Vulnerabilities, AS numbers and certificates have one spelling each, too."""

import pytest

from tidegate.canonical import Rejected, canonical, guess
from tidegate.model import Kind

SAME = [
    (Kind.CVE, "cve-2024-3400", "CVE-2024-3400"),
    (Kind.CVE, " CVE-2024-12345678 ", "CVE-2024-12345678"),
    (Kind.ASN, "AS64500", "AS64500"),
    (Kind.ASN, "as4294967295", "AS4294967295"),
    (Kind.ASN, "64500", "AS64500"),
    (Kind.CERTIFICATE, "AB" * 20, "ab" * 20),
    (Kind.CERTIFICATE, ":".join(["AB"] * 20), "ab" * 20),
]
REFUSED = {
    Kind.CVE: ["CVE-24-3400", "CVE-2024-340", "CVE-2024-", "2024-3400", "CVE-2024-" + "1" * 20],
    Kind.ASN: ["AS0", "AS", "AS064500", "AS4294967296", "AS1.10", "ASX", "AS\u0661"],
    Kind.CERTIFICATE: ["ab" * 16, "ab" * 32, "xy" * 20],
}


@pytest.mark.parametrize(("kind", "text", "value"), SAME)
def test_spellings_of_one_thing(kind, text, value):
    assert canonical(kind, text) == (kind, value)


@pytest.mark.parametrize(
    ("kind", "text"), [(k, text) for k, texts in REFUSED.items() for text in texts]
)
def test_what_is_none(kind, text):
    with pytest.raises(Rejected):
        canonical(kind, text)


def test_guesses():
    assert guess("cve-2024-3400") == (Kind.CVE, "CVE-2024-3400")
    assert guess("as64500") == (Kind.ASN, "AS64500")
    assert guess("ab" * 20)[0] is Kind.SHA1
    assert guess("as.evil.example")[0] is Kind.DOMAIN
    with pytest.raises(Rejected):
        guess("64500")
