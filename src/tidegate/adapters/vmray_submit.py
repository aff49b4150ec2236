"""What a submission to VMRay says besides the sample, and what VMRay made of it."""

import json
import logging
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tidegate.adapters.vmray_wire import TOO_LARGE, Taken, opened, said, shaped
from tidegate.detonate.hints import signature
from tidegate.ports import BadPayload, Order, QuotaSpent, Response

log = logging.getLogger(__name__)

TAG = "Tidegate"
NONCE = "tidegate"  # our keys in a submission's metadata
ALERT = "alert"
LONGEST_TAG = 255
LONGEST_NAME = 255
SPECIAL = re.compile(r"[^A-Za-z0-9_.!?;:+\-=/$@%^&)(#'`]")
PLAIN = re.compile(r"[^A-Za-z0-9_]")
FORBIDDEN = frozenset('<>:"/\\|?*')
# A name that begins so is a device to Windows, whatever its ending.
DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])\s*(?:\.|\Z)", re.IGNORECASE
)
NO_JOBS = "no jobs were created"
NO_JOBS_HINT = (
    "; with the analysis caching `legacy` VMRay makes none for what it has analysed before:"
    " set it to `smart` or `disabled`"
)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where VMRay tells that an analysis has ended, signed so that nobody else can.

    `key` signs the nonce of each submission.
    """

    url: str
    key: str | bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Options:
    """How a team wants its samples analysed; None leaves it to what its VMRay is set to.

    `shareable` shows hashes to VirusTotal. `retention_days` may be 0 (for ever), 60, 120, 180 or
    360. `unlock` spends licence on reports that are locked. `children` is how many dropped samples
    of a report are read.
    """

    shareable: bool = False
    analyzer_mode: str | None = None
    analysis_caching: str | None = None
    max_jobs: int | None = None
    max_recursive_samples: int | None = None
    retention_days: int | None = None
    archive_password: str | None = field(default=None, repr=False)
    archive_action: str | None = None
    document_password: str | None = field(default=None, repr=False)
    net_scheme: str | None = None
    timeout_seconds: int | None = None
    comment: str | None = None
    tags: tuple[str, ...] = ()
    unlock: bool = False
    children: int = 20
    webhook: Webhook | None = None


def fields(options: Options, order: Order, *, special: bool) -> dict[str, str]:
    """Return the form of any submission; `special` says that tags may have special characters."""
    given = {
        "shareable": "true" if options.shareable else "false",
        "tags": ",".join(_tags((TAG, *options.tags, *order.tags), special=special)),
        "submission_metadata": json.dumps({NONCE: order.nonce, ALERT: order.alert}),
        "analyzer_mode": options.analyzer_mode,
        "analysis_caching": options.analysis_caching,
        "max_jobs": options.max_jobs,
        "max_recursive_samples": options.max_recursive_samples,
        "retention_period": options.retention_days,
        "comment": options.comment,
        "user_config": _user_config(options),
        "webhook_notification": _notification(options.webhook, order.nonce),
    }
    return {name: str(value) for name, value in given.items() if value is not None}


def file_fields(options: Options, name: str) -> dict[str, str]:
    """Return what the form says of a file besides: passwords, and a name that is not ASCII."""
    given = {
        "archive_password": options.archive_password,
        "archive_action": options.archive_action,
        "document_password": options.document_password,
        "sample_filename_b64enc": None if name.isascii() else b64encode(name.encode()).decode(),
    }
    return {field: value for field, value in given.items() if value is not None}


def file_name(name: str) -> str:
    """Return a name that Windows allows: VMRay replaces any other one by a random one."""
    plain = "".join(c if c.isprintable() and c not in FORBIDDEN else "_" for c in name)
    plain = plain[-LONGEST_NAME:].strip(" ").rstrip(". ") or "sample"
    return f"_{plain}"[:LONGEST_NAME] if DEVICE.match(plain) else plain


def ascii_name(name: str) -> str:
    """Return the name for where no other letters may stand."""
    return "".join(c if c.isascii() else "_" for c in name)


def made(answer: Response) -> tuple[str, ...]:
    """Return the ids of the submissions that were made.

    Raises QuotaSpent when the licence is used up, and BadPayload, with VMRay's reasons, when it
    made none.
    """
    if answer.status == TOO_LARGE:
        raise BadPayload("the sample is larger than VMRay takes (413)")
    try:
        taken = shaped(Taken, opened(answer, "sample/submit").data)
    except BadPayload as refused:
        raise _none(str(refused)) from None
    if not taken.submissions:
        raise _none(f"VMRay took no submission: {said(taken.reasons) or 'no reason given'}")
    if taken.reasons:
        log.warning("VMRay did not take all of a submission: %s", said(taken.reasons))
    return tuple(dict.fromkeys(one.submission_id for one in taken.submissions))


def _none(message: str) -> BadPayload | QuotaSpent:
    # There is no code for it, only the words.
    if "quota" in message.lower():
        return QuotaSpent(message)
    hint = NO_JOBS_HINT if NO_JOBS in message.lower() else ""
    return BadPayload(f"{message}{hint}")


def _tags(tags: Iterable[str], *, special: bool) -> Iterator[str]:
    spoiled = SPECIAL if special else PLAIN
    plain = (spoiled.sub("_", tag.strip())[:LONGEST_TAG] for tag in tags)
    return iter(dict.fromkeys(filter(None, plain)))


def _user_config(options: Options) -> str | None:
    given = {"timeout": options.timeout_seconds, "net_scheme_name": options.net_scheme}
    known = {name: value for name, value in given.items() if value is not None}
    return json.dumps(known) if known else None


def _notification(webhook: Webhook | None, nonce: str) -> str | None:
    if webhook is None:
        return None
    headers = {
        "X-Tidegate-Nonce": nonce,
        "X-Tidegate-Signature": signature(webhook.key, nonce),
    }
    sent = {"url": webhook.url, "verify_tls": True, "timeout": 10, "retries": 2, "headers": headers}
    return json.dumps(sent)
