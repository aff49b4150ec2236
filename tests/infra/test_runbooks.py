"""Every command of ours that a runbook names can be typed as it stands there."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from tidegate.cli import app

REPOSITORY = Path(__file__).parents[2]
RUNBOOKS = REPOSITORY / "docs" / "runbooks"
ROOT = typer.main.get_command(app)
PLACEHOLDERS = {"DAYS": "7"}  # where a number is asked for; names stand for themselves
WRONG = {
    "tidegate feed list": "KeyError",
    "tidegate gate plan --targt NAME": "NoSuchOption",
    "tidegate explain": "MissingParameter",
    "tidegate runs --limit many": "BadParameter",
}


def commands() -> Iterator[tuple[str, str]]:
    """Yield page and command, from blocks and from the text."""
    for page in sorted(RUNBOOKS.glob("*.md")):
        text = page.read_text("utf-8")
        blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        lines = [line for block in blocks for line in block.splitlines()]
        lines += re.findall(
            r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
        )
        for line in lines:
            if re.match(r"tidegate\b(?!_)", line):
                yield page.name, line.partition("#")[0].strip()


def parse(line: str) -> None:
    """Parse a command line as the shell and the program would, and run nothing. Raises."""
    rest = [PLACEHOLDERS.get(word, word) for word in shlex.split(line)[1:]]
    command, name = ROOT, "tidegate"
    while hasattr(command, "commands"):
        name = rest.pop(0)
        command = command.commands[name]
    command.make_context(name, rest)


@pytest.mark.parametrize(("page", "line"), sorted(set(commands())))
def test_a_command_of_a_runbook_exists(page, line):
    if line not in {"tidegate", "tidegate -v"}:
        parse(line)


def test_every_runbook_names_commands():
    pages = {page for page, _ in commands()}
    assert pages == {page.name for page in RUNBOOKS.glob("*.md")}


@pytest.mark.parametrize(("line", "said"), WRONG.items())
def test_a_wrong_command_is_found(line, said):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - typer brings its own click, or none
        parse(line)
    assert type(caught.value).__name__ == said


def test_every_secret_is_rotated_after_90_or_365_days():
    text = (RUNBOOKS / "azure.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| (`.*?) \|", text, re.MULTILINE)
    assert [int(days) for days, _ in rows] == [90, 365]
    told = sorted(one for _, names in rows for one in re.findall(r"`(\w+)`", names))
    settings = json.loads((REPOSITORY / "infra/app-settings.json").read_text("utf-8"))["settings"]
    kept = {one["value"] for one in settings.values() if one["from"] == "secret"}
    assert told == sorted(kept | {settings["TIDEGATE_VMRAY_SECRET"]["value"]})


def test_no_page_puts_a_secret_that_never_expires():
    pages = [*REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("*/README.md")]
    lines = [
        line
        for page in pages
        for line in page.read_text("utf-8").splitlines()
        if "keyvault secret set" in line
    ]
    assert len(lines) > 3
    assert [line for line in lines if "--expires" not in line] == []
