"""What is said twice is generated, or compared here."""

import asyncio
import importlib.util
import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tidegate.adapters.metrics import Lookups, Metrics
from tidegate.adapters.prometheus import Exposition
from tidegate.api import app as web
from tidegate.declare.feed import feeds
from tidegate.gate.advice import THRESHOLDS
from tidegate.ingest.pulse import Pulse
from tidegate.model import Outcome, Status
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
    readme = set(re.findall(r"`tidegate ([a-z]+(?: [a-z]+)?)", (ROOT / "README.md").read_text()))
    commands = (ROOT / "docs" / "reference" / "commands.md").read_text()
    assert readme == set(re.findall(r"^## `tidegate ([a-z ]+)`", commands, re.MULTILINE))


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_read_somewhere(name):
    by_hand = {secret.lower() for feed in feeds().values() for secret in feed.secrets}
    by_hand.add("feed_secrets")  # beside them, for one's own feeds
    assert name in by_hand or re.search(rf"settings\.{name}\b", _sources())


def test_advice_is_explained_with_the_thresholds_that_it_is_given_by():
    page = (ROOT / "docs" / "howto" / "judge-a-feed.md").read_text()
    said = {
        "least_answers": r"fewer than (\d+) answers",
        "few_unique": r"under (\d+) % unique",
        "rarely_first": r"first in under (\d+) %",
        "often_harmless": r"at least (\d+) % known harmless",
        "often_failed": r"at least (\d+) % of the remembered runs failed",
        "silent_days": r"no answer for (\d+) days",
    }
    assert said.keys() == THRESHOLDS.keys()
    for name, pattern in said.items():
        threshold = THRESHOLDS[name]
        meant = round(100 * threshold) if threshold < 1 else threshold
        assert {int(found) for found in re.findall(pattern, page)} == {meant}, name


def _ask(app: FastAPI) -> None:
    async def ask() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://h") as client:
            await client.get("/api/nothing")

    asyncio.run(ask())


def test_every_figure_is_explained():
    page = (ROOT / "docs" / "howto" / "watch-tidegate.md").read_text()
    exposition = Exposition()
    metrics = Metrics(
        exposition.provider.get_meter("tidegate"),
        Lookups(lambda: [Pulse("a", 1.0, 1, True)], lambda: {"a": 1}),
    )
    metrics.ran(Outcome("a", Status.OK, new=1, requests=1))
    _ask(web.create([], meters=exposition.provider))
    names = set(re.findall(r"^# TYPE (\w+)", exposition.text().decode(), re.MULTILINE))
    exposition.close()
    assert names == set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))


def test_every_relative_link_leads_somewhere():
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
