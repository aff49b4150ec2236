"""`responses.yaml`: what is done about a verdict, on which devices, and what a person is asked.

The first rule that fits and names an action decides; where none does, the defaults below.
"""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator

from tidegate.declare.strict import Ours, read
from tidegate.model import Answer, Device, Verdict

# What is written into the tenant's records is done; what disrupts somebody's work is asked.
DEFAULTS = {
    "comment_alert": Answer.DO,
    "block_indicators": Answer.DO,
    "tag_incident": Answer.DO,
    "begin_alert": Answer.NONE,
    "comment_incident": Answer.NONE,
    "classify_alert": Answer.NONE,
    "tag_device": Answer.NONE,
    "collect_package": Answer.ASK,
    "scan_device": Answer.ASK,
    "quarantine_file": Answer.ASK,
    "restrict_device": Answer.NONE,
    "isolate_device": Answer.ASK,
    "report_changes": Answer.DO,
}
# A verdict that nobody is told of, or a change that nobody hears of, helps no one.
ALWAYS = frozenset({"comment_alert", "report_changes"})


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Verdicts = Annotated[tuple[Verdict, ...], BeforeValidator(_listed)]


class When(Ours):
    """What a rule is about; what is left out fits everything. Groups and tags ignore case."""

    verdict: Verdicts = ()
    severity: Texts = ()
    group: Texts = ()
    tag: Texts = ()

    def fits(self, verdict: Verdict | None, severity: str, device: Device | None) -> bool:
        """Whether the rule is about this."""
        group = {device.group.lower()} if device else set()
        tags = {tag.lower() for tag in device.tags} if device else set()
        return (
            (not self.verdict or verdict in self.verdict)
            and (not self.severity or severity.lower() in _lower(self.severity))
            and (not self.group or bool(group & _lower(self.group)))
            and (not self.tag or bool(tags & _lower(self.tag)))
        )


class Rule(Ours):
    """What is answered to actions, by their names, when it fits.

    With `everywhere` it holds on the other devices that have the file, too.
    """

    when: When = When()
    then: dict[str, Answer] = Field(default_factory=dict)
    everywhere: bool = False

    @field_validator("then")
    @classmethod
    def _known(cls, then: dict[str, Answer]) -> dict[str, Answer]:
        if unknown := sorted(then.keys() - DEFAULTS.keys()):
            raise ValueError(f"no such action: {unknown[0]}; there are: {', '.join(DEFAULTS)}")
        if fixed := sorted(then.keys() & ALWAYS):
            raise ValueError(f"{fixed[0]} is always done")
        return then


class Exclude(Ours):
    """Devices that never get a response: by tag, device group, name (`*` stands for any).

    A name may stand there with its domain or without.
    """

    tags: Texts = ()
    groups: Texts = ()
    names: Texts = ()
    servers: bool = True

    def reason(self, device: Device) -> str | None:
        """Say why nothing is done on the device; None if it may be."""
        if found := {tag.lower() for tag in device.tags} & _lower(self.tags):
            return f"excluded by tag {min(found)}"
        if device.group.lower() in _lower(self.groups):
            return f"excluded by device group {device.group}"
        if any(fnmatchcase(n, p) for n in _names(device) for p in _lower(self.names)):
            return "excluded by name"
        return "excluded: a server" if self.servers and device.server else None


class Responses(Ours):
    """The whole file."""

    exclude: Exclude = Exclude()
    rules: tuple[Rule, ...] = ()

    def answer(
        self, action: str, verdict: Verdict | None, severity: str, device: Device | None
    ) -> Answer:
        """Return what is answered to an action about this verdict."""
        if action in ALWAYS:
            return Answer.DO
        rule = self._deciding(action, verdict, severity, device)
        return DEFAULTS[action] if rule is None else rule.then[action]

    def elsewhere(
        self, action: str, verdict: Verdict | None, severity: str, device: Device
    ) -> Answer:
        """Return what is answered for a device that is not the alert's own, but has its file."""
        rule = self._deciding(action, verdict, severity, device)
        return rule.then[action] if rule is not None and rule.everywhere else Answer.NONE

    def _deciding(
        self, action: str, verdict: Verdict | None, severity: str, device: Device | None
    ) -> Rule | None:
        named = (rule for rule in self.rules if action in rule.then)
        return next((one for one in named if one.when.fits(verdict, severity, device)), None)

    def may(self, action: str) -> bool:
        """Whether the action is ever taken or asked for."""
        for rule in self.rules:
            if rule.then.get(action, Answer.NONE) is not Answer.NONE:
                return True
            if action in rule.then and rule.when == When():
                return False  # it fits everything, so nothing behind it is ever asked
        return DEFAULTS[action] is not Answer.NONE


def responses(path: Path | None) -> Responses:
    """Read the file; the defaults where there is none. Raises Mistakes."""
    return Responses() if path is None else read(Responses, path)


def _names(device: Device) -> set[str]:
    name = device.name.lower()
    return {name, name.partition(".")[0]}


def _lower(texts: tuple[str, ...]) -> set[str]:
    return {text.lower() for text in texts}
