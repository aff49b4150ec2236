"""When two spellings are one indicator: the exact rules, one value at a time.

`columns.py` has the vectorised path, which must agree with this one wherever it answers.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache
from unicodedata import normalize
from urllib.parse import SplitResult, quote, unquote, urlsplit

import idna
from publicsuffixlist import PublicSuffixList

from tidegate.model import Kind

MAX_URL = 2_083
MAX_DOMAIN = 253
WIDEST = {4: 8, 6: 16}
DEFAULT_PORTS = {"http": 80, "https": 443, "ftp": 21}
LAST_ASN = (1 << 32) - 1
HASHES = {32: Kind.MD5, 40: Kind.SHA1, 64: Kind.SHA256}
MOST = {
    Kind.FILENAME: 255,
    Kind.MUTEX: 260,
    Kind.PROCESS: 2_000,
    Kind.REGISTRY: 1_024,
    Kind.EMAIL_SUBJECT: 500,
}
HIVES = {
    "hklm": "hkey_local_machine",
    "hkcu": "hkey_current_user",
    "hkcr": "hkey_classes_root",
    "hku": "hkey_users",
    "hkcc": "hkey_current_config",
    # As the kernel says it.
    "registry\\machine": "hkey_local_machine",
    "registry\\user": "hkey_users",
}
KEYS = tuple(f"{hive}\\" for hive in HIVES.values())


class Shape(StrEnum):
    """What a feed may declare when its column mixes kinds; the value then decides."""

    ADDRESS = "address"  # ipv4, ipv6 or cidr
    SOCKET = "socket"  # address:port; the port is dropped here and kept by the caller
    HASH = "hash"  # md5, sha1 or sha256


class Rejected(Exception):
    """Why a text is no indicator, in two or three words that can be counted."""


REFANG = [
    (re.compile(r"^\s*h(?:xx|tt|XX|TT)p(s?)\s*(?:\[:\]|:)//", re.IGNORECASE), r"http\1://"),
    (re.compile(r"^\s*h(?:xx|tt)p(s?)\[://\]", re.IGNORECASE), r"http\1://"),
    (re.compile(r"\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)", re.IGNORECASE), "."),
    (re.compile(r"\[at\]|\(at\)|\[@\]", re.IGNORECASE), "@"),
    (re.compile(r"\[:\]"), ":"),
]
INVISIBLE = re.compile("[\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
QUOTED = re.compile(r"([\"'])(.*)\1\Z", re.DOTALL)
CONTROL = re.compile(r"[\x00-\x1f\x7f\ufffd]")
ILLEGIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")
LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
PORT = re.compile(r"[0-9]{1,5}\Z")
NUMERIC = re.compile(r"(?:0x[0-9a-f]*|\d+)\Z")
CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,19}\Z")
ASN = re.compile(r"[1-9][0-9]{0,9}\Z")
SHA1 = re.compile(r"[0-9a-f]{40}\Z")
UNRESERVED = re.compile(r"%(2D|2E|5F|7E|3[0-9]|[46][1-9A-F]|[57][0-9A])", re.IGNORECASE)
SCHEME = re.compile(r"http(s?)://", re.IGNORECASE)
PASSWORD = re.compile(r"((?:://|\[:\]//|\[://\])[^/?#\\:]*:)[^/?#\\]*@")
ESCAPE = re.compile(r"%[0-9a-f]{2}", re.IGNORECASE)


def refang(text: str) -> str:
    """Undo one layer of defanging, and drop invisible characters, quotes and blanks around it."""
    text = INVISIBLE.sub("", text).strip()
    while quoted := QUOTED.match(text):  # a last quote alone may be part of a URL
        text = quoted[2].strip()
    for pattern, plain in REFANG:
        text = pattern.sub(plain, text)
    return text


def canonical(kind: Kind | Shape, text: str) -> tuple[Kind, str]:
    """Return the kind and the one spelling of an indicator. Raises Rejected."""
    if kind in VERBATIM:
        return VERBATIM[kind](text)
    if CONTROL.search(text.strip()):
        raise Rejected("control character")
    plain = refang(text)
    if not plain:
        raise Rejected("empty")
    found, value = READERS[kind](plain)
    # Undoing an escape or dropping a fragment may bare another layer: "[%2E]".
    while found in {Kind.URL, Kind.EMAIL} and (bare := refang(value)) != value:
        _, value = READERS[found](bare)
    return found, value


def address(text: str) -> tuple[Kind, str]:
    """An IPv4 or IPv6 address, or a network."""
    if "/" in text:
        return network(text)
    bare = text.removeprefix("[").removesuffix("]").partition("%")[0]
    try:
        found = ipaddress.ip_address(bare)
    except ValueError as error:
        raise Rejected("not an address") from error
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return Kind.IPV6, str(found)
        found = found.ipv4_mapped
    return Kind.IPV4, str(found)


def network(text: str) -> tuple[Kind, str]:
    """A network; host bits are dropped, and a network of one address is that address."""
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise Rejected("not a network") from error
    if "%" in text:
        raise Rejected("not a network")  # a zone
    if found.prefixlen == found.max_prefixlen:
        return address(str(found.network_address))
    if found.prefixlen < WIDEST[found.version]:
        raise Rejected("network too wide")
    return Kind.CIDR, str(found)


def socket(text: str) -> tuple[Kind, str]:
    """`address:port`. IPv6 comes without brackets too, so the last colon parts them."""
    host, colon, port = text.rpartition(":")
    if not colon or not PORT.match(port) or int(port) > 65_535:  # noqa: PLR2004 - the last port
        raise Rejected("not an address with port")
    return address(host)


def domain(text: str) -> tuple[Kind, str]:
    """A domain or host name: lower case, A-labels, no trailing dot, no leading wildcard."""
    name = text.lower().removeprefix("*.").removeprefix(".").removesuffix(".")
    name = _ascii(name)
    labels = name.split(".")
    if len(name) > MAX_DOMAIN or not all(LABEL.match(label) for label in labels):
        raise Rejected("not a domain")
    if len(labels) == 1 or NUMERIC.match(labels[-1]):
        raise Rejected("not a domain")
    if name in public_suffixes():
        raise Rejected("public suffix")
    return Kind.DOMAIN, name


def _ascii(name: str) -> str:
    if name.isascii():
        return name
    try:
        return idna.encode(name, uts46=True).decode().removesuffix(".")
    except idna.IDNAError as error:
        raise Rejected("not a domain") from error


@cache
def public_suffixes() -> frozenset[str]:
    """The names under which anybody may register: `co.uk` is nobody's domain."""
    rules = PublicSuffixList()
    return frozenset(rule for rule in rules._publicsuffix if rule.isascii())  # noqa: SLF001


def url(text: str) -> tuple[Kind, str]:
    """An absolute URL: scheme and host canonical, default port and fragment gone."""
    if len(text) > MAX_URL:
        raise Rejected("url too long")
    try:
        parts = urlsplit(text.replace("\\", "/"))
        port = parts.port
    except ValueError as error:
        raise Rejected("not a url") from error
    scheme = parts.scheme.lower()
    if not scheme or not parts.hostname:
        raise Rejected("not a url")
    shown = "" if port in {None, DEFAULT_PORTS.get(scheme)} else f":{port}"
    authority = f"{_userinfo(parts)}{_host(parts)}{shown}"
    query = f"?{_escaped(parts.query)}" if parts.query else ""
    value = f"{scheme}://{authority}{_path(parts.path)}{query}"
    if len(value) > MAX_URL:
        raise Rejected("url too long")
    return Kind.URL, value


def _userinfo(parts: SplitResult) -> str:
    user, at, _ = parts.netloc.rpartition("@")
    return _escaped(user) + at


def _host(parts: SplitResult) -> str:
    name = parts.hostname or ""
    if "[" in parts.netloc.rpartition("@")[2]:
        kind, found = address(name)
        return found if kind is Kind.IPV4 else f"[{found}]"
    bare = _ascii(name.removesuffix("."))
    # Browsers read 0x7f.1 and 3232235777 as addresses; a feed that sends them is refused, because
    # two readers would disagree on what is meant.
    if NUMERIC.match(bare.rpartition(".")[2]):
        return address(bare)[1]
    if not all(LABEL.match(label) for label in bare.split(".")) or len(bare) > MAX_DOMAIN:
        raise Rejected("not a url")
    return bare


def _path(path: str) -> str:
    kept: list[str] = []
    path = _escaped(path)
    for part in path.split("/")[1:]:
        if part == "..":
            del kept[-1:]
        elif part != ".":
            kept.append(part)
    end = "/" if path.endswith(("/.", "/..")) and kept else ""
    return "/" + "/".join(kept) + end


def _escaped(text: str) -> str:
    """Escape what a URL cannot carry, unescape what it need not, upper-case the rest."""
    while (plain := UNRESERVED.sub(lambda match: unquote(match[0]), text)) != text:
        text = plain  # "%%34%31" unescapes to another escape
    upper = ESCAPE.sub(lambda match: match[0].upper(), plain)
    return quote(upper, safe="%!$&'()*+,;=:@/?-._~[]|{}^`\"<>#")


def file_hash(text: str) -> tuple[Kind, str]:
    """A file hash; its length names the algorithm."""
    value = text.lower()
    kind = HASHES.get(len(value))
    if kind is None or not re.fullmatch(r"[0-9a-f]+", value):
        raise Rejected("not a hash")
    return kind, value


def email(text: str) -> tuple[Kind, str]:
    """A mail address; the local part keeps its case."""
    local, at, host = text.rpartition("@")
    if not at or not local or " " in text:
        raise Rejected("not an email address")
    return Kind.EMAIL, f"{local}@{domain(host)[1]}"


def cve(text: str) -> tuple[Kind, str]:
    """The number of a vulnerability."""
    value = text.upper()
    if not CVE.match(value):
        raise Rejected("not a CVE")
    return Kind.CVE, value


def asn(text: str) -> tuple[Kind, str]:
    """The number of an autonomous system, with `AS` before it."""
    number = text.upper().removeprefix("AS")
    if not ASN.match(number) or int(number) > LAST_ASN:
        raise Rejected("not an AS number")
    return Kind.ASN, f"AS{number}"


def certificate(text: str) -> tuple[Kind, str]:
    """The SHA-1 of a certificate; its bytes may be parted by colons."""
    value = text.lower().replace(":", "")
    if not SHA1.match(value):
        raise Rejected("not a certificate's SHA-1")
    return Kind.CERTIFICATE, value


def filename(text: str) -> tuple[Kind, str]:
    """The name of a file without its folder, in lower case, for Windows does not tell case apart.

    What hides or turns letters is gone: `invoice<U+202E>fdp.exe` looks like a PDF.
    """
    path = _legible(INVISIBLE.sub("", text)).replace("\\", "/")
    name = path.rpartition("/")[2].strip()
    if name in {"", ".", ".."}:
        raise Rejected("not a filename")
    return _fitting(Kind.FILENAME, normalize("NFC", name.lower()))


def mutex(text: str) -> tuple[Kind, str]:
    """The name of a mutex, as it is: its case matters."""
    return _fitting(Kind.MUTEX, _legible(text))


def process(text: str) -> tuple[Kind, str]:
    """A command line on one line, with one blank for each run of them."""
    return _fitting(Kind.PROCESS, _one_line(text))


def registry(text: str) -> tuple[Kind, str]:
    """A registry key in lower case, its hive spelled out. Windows does not tell case apart.

    Between its parts is one backslash each, and none at the ends. A hive alone is no key.
    """
    parts = [part for part in _legible(text).lower().split("\\") if part.strip()]
    if parts[:1] == ["registry"]:
        parts = ["\\".join(parts[:2]), *parts[2:]]
    hive = parts[0].removesuffix(":") if parts else ""  # PowerShell writes `HKLM:`
    key = "\\".join([HIVES.get(hive, hive), *parts[1:]]).strip()
    if not key.startswith(KEYS):
        raise Rejected("not a registry key")
    return _fitting(Kind.REGISTRY, key)


def email_subject(text: str) -> tuple[Kind, str]:
    """The subject of a message, unfolded, without what nobody sees in it."""
    return _fitting(Kind.EMAIL_SUBJECT, normalize("NFC", _one_line(INVISIBLE.sub("", text))))


def _one_line(text: str) -> str:
    return _legible(" ".join(text.split()))


def _legible(text: str) -> str:
    text = text.strip()
    if not text:
        raise Rejected("empty")
    if ILLEGIBLE.search(text):
        raise Rejected("control character")
    return text


def _fitting(kind: Kind, value: str) -> tuple[Kind, str]:
    if len(value) > MOST[kind]:
        raise Rejected("too long")
    return kind, value


READERS = {
    Kind.IPV4: address,
    Kind.IPV6: address,
    Kind.CIDR: network,
    Shape.ADDRESS: address,
    Shape.SOCKET: socket,
    Kind.DOMAIN: domain,
    Kind.URL: url,
    Kind.EMAIL: email,
    Kind.MD5: file_hash,
    Kind.SHA1: file_hash,
    Kind.SHA256: file_hash,
    Shape.HASH: file_hash,
    Kind.CVE: cve,
    Kind.ASN: asn,
    Kind.CERTIFICATE: certificate,
}
# What programs name, and nobody defangs: a "[.]" or quotes in it are part of it.
VERBATIM: Mapping[Kind | Shape, Callable[[str], tuple[Kind, str]]] = {
    Kind.FILENAME: filename,
    Kind.MUTEX: mutex,
    Kind.PROCESS: process,
    Kind.REGISTRY: registry,
    Kind.EMAIL_SUBJECT: email_subject,
}


def defanged(text: str) -> str:
    """Return the value as people may read it: nothing that a click would open, no password."""
    if text.startswith(KEYS) and "://" not in text:
        return text  # a registry key is read back as it stands
    text = PASSWORD.sub(r"\1***@", text).replace("[.]", ".").replace(".", "[.]")
    return SCHEME.sub(r"hxxp\1://", text, count=1) if "://" in text else text.replace("@", "[@]")


# Nothing else begins with a hive. All other texts may be a file's name, or a subject.
GUESSED: tuple[Kind | Shape, ...] = (
    Kind.REGISTRY,
    Kind.CVE,
    Kind.URL,
    Shape.HASH,
    Shape.ADDRESS,
    Kind.EMAIL,
    Kind.DOMAIN,
)


def guess(text: str) -> tuple[Kind, str]:
    """Read a text whose kind nobody said. Raises Rejected when it is no indicator."""
    # A bare number is an AS number only in a list of such.
    numbered = [Kind.ASN] if text.strip().upper().startswith("AS") else []
    for kind in (*GUESSED, *numbered):
        try:
            return canonical(kind, text)
        except Rejected:
            continue
    raise Rejected("not an indicator")
