"""What is said twice is generated, or compared here."""

import importlib.util
import re
from pathlib import Path

import pytest

from tidegate.declare.feed import feeds
from tidegate.settings import Settings

ROOT = Path(__file__).parents[2]


def _generator():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _sources() -> str:
    files = [*(ROOT / "src").rglob("*.py"), *(ROOT / "apps").rglob("*.py")]
    return "\n".join(f.read_text() for f in files if f.name != "settings.py")


def test_the_reference_is_what_the_code_says():
    for name, text in _generator().pages().items():
        assert (ROOT / "docs" / "reference" / name).read_text() == text, "run `make docs`"


def test_every_command_of_the_readme_exists_and_none_is_missing():
    readme = set(
        re.findall(
            r"`tidegate ([a-z]+(?: plan| apply| list| accept)?)", (ROOT / "README.md").read_text()
        )
    )
    commands = (ROOT / "docs" / "reference" / "commands.md").read_text()
    assert readme == set(re.findall(r"^## `tidegate ([a-z ]+)`", commands, re.MULTILINE))


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_read_somewhere(name):
    by_hand = {secret.lower() for feed in feeds().values() for secret in feed.secrets}
    assert name in by_hand or re.search(rf"settings\.{name}\b", _sources())


def test_every_relative_link_leads_somewhere():
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
