"""What VMRay sends: its envelope, and of everything in it what we use."""

import json
import re
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, StringConstraints, ValidationError
from pydantic_core import from_json

from tidegate.adapters.theirs import Items, Theirs, Time
from tidegate.model import Verdict
from tidegate.ports import BadPayload, Refused, Response

FINISHED = "finished"
SUCCESS = 1
SPECIAL_TAGS_SINCE = (2026, 2)
ID = re.compile(r"[A-Za-z0-9_-]{1,100}")  # numbers, some of them as text
VERSION = re.compile(r"(\d{1,6})\.(\d{1,6})", re.ASCII)
ERRORS = 400  # this and above is an error's status
TOO_LARGE = 413
LONGEST = 200  # characters of theirs in a message of ours
# Before there were verdicts. Everything else that was said then means that nothing is known.
LEGACY = {
    "malicious": Verdict.MALICIOUS,
    "blacklisted": Verdict.MALICIOUS,
    "suspicious": Verdict.SUSPICIOUS,
    "not_suspicious": Verdict.CLEAN,
    "whitelisted": Verdict.CLEAN,
}
VERDICTS = {verdict.value: verdict for verdict in Verdict}
Read = TypeVar("Read", bound=Theirs)


def _texts(value: object) -> object:
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, str)]


def _ids(value: object) -> object:
    items = value if isinstance(value, list) else []
    return [str(item) for item in items if isinstance(item, str | int) and ID.fullmatch(str(item))]


def _number(value: object) -> object:
    try:
        return int(value) if isinstance(value, str | int | float) else None
    except (ValueError, OverflowError):
        return None


def _text(value: object) -> object:
    return value if isinstance(value, str) else None


Text = Annotated[str | None, BeforeValidator(_text)]
"""A text; anything else that stands in its place is as good as nothing."""
Id = Annotated[str, StringConstraints(pattern=f"^{ID.pattern}$")]
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
"""The texts of a list; whatever else stands in it is left out."""
Ids = Annotated[tuple[str, ...], BeforeValidator(_ids)]
Number = Annotated[int | None, BeforeValidator(_number)]
"""A number, also one that is written as text; a word is none."""


class Sample(Theirs):
    sample_id: Id
    sample_created: Time
    sample_verdict: str | None = None
    sample_severity: str | None = None
    sample_webif_url: str | None = None
    sample_threat_names: Texts = ()
    sample_classifications: Texts = ()
    sample_child_sample_ids: Ids = ()
    sample_child_relations_truncated: bool | None = None

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self.sample_verdict, self.sample_severity)


class Submitted(Theirs):
    """A submission, as all lists of them and the answer about one have it."""

    submission_id: Id
    submission_sample_id: Id
    submission_created: Time
    submission_finish_time: Time | None = None
    submission_finished: bool = False
    submission_has_errors: bool | None = None
    submission_has_recursive_errors: bool | None = None
    submission_status: str | None = None
    submission_verdict: str | None = None
    submission_severity: str | None = None
    submission_sample_sha256: str | None = None
    submission_original_url: str | None = None
    submission_submission_metadata: Text = None

    @property
    def verdict(self) -> Verdict:
        return verdict_of(self.submission_verdict, self.submission_severity)


class Made(Theirs):
    submission_id: Id


class Taken(Theirs):
    """The answer to a submission: what was made of it, and what was not, in whatever form."""

    errors: Any = None
    submissions: Items[Made] = ()

    @property
    def reasons(self) -> list[str]:
        """Return why nothing, or not all of it, was taken."""
        rows = self.errors if isinstance(self.errors, list) else []
        texts = [row.get("error_msg") if isinstance(row, dict) else row for row in rows]
        return [text for text in texts if isinstance(text, str)]


class Analysis(Theirs):
    analysis_id: Id
    analysis_result_code: Number = None
    analysis_result_str: str | None = None
    analysis_severity: str | None = None
    analysis_lock_status: str | None = None

    @property
    def failed(self) -> bool:
        return self.analysis_severity == "error" or self.analysis_result_code not in {None, SUCCESS}


class Hashes(Theirs):
    sha256_hash: Text = None
    sha1_hash: Text = None
    md5_hash: Text = None


class Ioc(Theirs):
    """An entry of any of the ten lists: each of them names its value by another key."""

    verdict: Text = None
    severity: Text = None
    categories: Texts = ()
    hashes: Items[Hashes] = ()
    ip_address: Text = None
    domain: Text = None
    url: Text = None
    email_address: Text = None
    subject: Text = None
    sender: Text = None
    filename: Text = None
    mutex_name: Text = None
    cmd_line: Text = None
    reg_key_name: Text = None


class Lists(Theirs):
    ips: Items[Ioc] = ()
    domains: Items[Ioc] = ()
    urls: Items[Ioc] = ()
    files: Items[Ioc] = ()
    email_addresses: Items[Ioc] = ()
    emails: Items[Ioc] = ()
    filenames: Items[Ioc] = ()
    mutexes: Items[Ioc] = ()
    processes: Items[Ioc] = ()
    registry: Items[Ioc] = ()


class Iocs(Theirs):
    status: str = FINISHED
    iocs: Lists = Lists()


class Vti(Theirs):
    operation: Text = None
    score: Number = None


class Vtis(Theirs):
    status: str = FINISHED
    threat_indicators: Items[Vti] = ()


class Technique(Theirs):
    technique_id: Text = None


class Attack(Theirs):
    status: str = FINISHED
    mitre_attack_techniques: Items[Technique] = ()


class Usage(Theirs):
    quota_limit: Number = None
    used_quota: Number = None


class System(Theirs):
    """What is known of the server; of one that does not tell, nothing."""

    version: str = ""
    webif_max_upload_size: Number = None

    @property
    def special_tags(self) -> bool:
        """Whether tags may have more in them than letters, digits and underscores."""
        numbers = VERSION.match(self.version)
        return numbers is not None and (int(numbers[1]), int(numbers[2])) >= SPECIAL_TAGS_SINCE


class Envelope(Theirs):
    """`data` decides: some recorded answers have no `result`."""

    result: str = "ok"
    error_msg: str | None = None
    data: Any = None
    continuation_id: str | None = None


def opened(answer: Response, asked: str) -> Envelope:
    """Open the envelope. Raises BadPayload; Refused, with the status as its code, of an error."""
    asked = printable(asked)
    try:
        envelope = Envelope.model_validate(_json(answer.body))
    except (ValueError, RecursionError):
        envelope = None
    if answer.status >= ERRORS:
        why = said([envelope.error_msg or ""]) if envelope else ""
        message = f"VMRay answered {answer.status} to {asked}{why and ': '}{why}"
        raise Refused(message, str(answer.status))
    if envelope is None:
        raise BadPayload(f"not an answer of VMRay: {asked}")
    if envelope.result == "error" or envelope.data is None:
        why = said([envelope.error_msg or "no reason given"])
        raise BadPayload(f"VMRay answered {asked} with an error: {why}")
    return envelope


def shaped(model: type[Read], data: object) -> Read:
    """Return the data as the model. Raises BadPayload, which shows none of it."""
    try:
        return model.model_validate(data)
    except ValueError as error:
        found = error.title if isinstance(error, ValidationError) else type(error).__name__
        raise BadPayload(f"not an answer of VMRay: {found}") from None


def rows(model: type[Read], data: object) -> list[Read]:
    """Return the data as a list of the model. Raises BadPayload."""
    if not isinstance(data, list):
        raise BadPayload(f"not an answer of VMRay: no list of {model.__name__}")
    return [shaped(model, row) for row in data]


def verdict_of(verdict: str | None, severity: str | None) -> Verdict:
    """Return the verdict; that of the severity where there is none, as in older reports."""
    if verdict is None:
        return LEGACY.get(severity or "", Verdict.INCONCLUSIVE)
    return VERDICTS.get(verdict, Verdict.INCONCLUSIVE)


def printable(text: str, most: int = LONGEST) -> str:
    """Return the text on one line, without what could hide in it or turn it around, and cut."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * most]).split())
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def said(texts: list[str]) -> str:
    """Return what VMRay said as a quotation, at most three of them."""
    quoted = [
        '"' + printable(text).replace('"', "'") + '"' for text in dict.fromkeys(texts) if text
    ]
    return "; ".join(quoted[:3])


def _json(body: bytes) -> object:
    try:
        return from_json(body)
    except ValueError:
        # Malware names its mutexes as it likes: half a surrogate is no reason to lose the report.
        text = json.dumps(json.loads(body), ensure_ascii=False)
        return from_json(text.encode("utf-8", "replace"))
