"""What is said twice is generated, or compared here."""

import asyncio
import importlib.util
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tidegate.adapters.map_metrics import MapMetrics
from tidegate.adapters.metrics import Lookups, Metrics
from tidegate.adapters.prometheus import Exposition
from tidegate.adapters.roles import NEEDED, WIDER, missing
from tidegate.api import app as web
from tidegate.api import lists, taxii
from tidegate.declare.feed import feeds
from tidegate.declare.responses import ALWAYS, DEFAULTS, Responses, responses
from tidegate.gate import copies, hits, mark, score
from tidegate.gate.advice import THRESHOLDS
from tidegate.gate.carry import Applied
from tidegate.gate.collection import MOST
from tidegate.gate.lists import FORMATS, render
from tidegate.gate.published import PUBLISHED
from tidegate.gate.run import Gated
from tidegate.ingest.pulse import Pulse
from tidegate.maps.pulse import Pulse as MapPulse
from tidegate.maps.result import Refresh, Result
from tidegate.model import Answer, Device, Kind, Outcome, Status, Tlp, Verdict
from tidegate.settings import Settings
from tidegate.sightings import empty
from tidegate.wiring.detonation import needs

ROOT = Path(__file__).parents[2]
INDICATOR = ROOT / "docs" / "howto" / "judge-an-indicator.md"
TENANT = ROOT / "docs" / "howto" / "connect-a-tenant.md"
FIREWALL = ROOT / "docs" / "howto" / "feed-a-firewall.md"
RUNBOOK = ROOT / "docs" / "runbooks" / "detonation.md"
ROLE = re.compile(r"\b[A-Z][A-Za-z]+\.[A-Z][A-Za-z]+(?:\.All)?\b")


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


def test_a_score_is_explained_with_the_constants_that_it_has():
    page = INDICATOR.read_text()
    grades = ", ".join(f"{grade} {value}" for grade, value in score.GRADES.items())
    judged = score.RIGHT + score.WRONG
    source = score.Source("B", wrong=1)
    for said in (
        grades,
        f"min(feeds, {score.FULLY / 2:.2f} + feeds / 2)",
        f"above {100 * score.FULLY:.0f} counts half",
        f"above {100 * score.MOST_OF_FEEDS:.0f}, however many agree",
        f"at least {100 * copies.CONTAINED:.0f} % of the other",
        f"at least {100 * copies.CONTAINED:.0f} % of a smaller one",
        f"fewer than {copies.LEAST} indicators",
        f"holds for {mark.LIFE.days} days",
        f"remembered for {hits.KEPT.days} days",
        f"({score.RIGHT:.0f} + right) / ({judged:.0f} + right + wrong)",
        f"= {score.RIGHT:.0f} / {judged:.0f}",
        f"if {judged:.0f} hits had been judged before the first one, {score.RIGHT:.0f} of them",
        f"from {score.GRADES['B']} to {source.reliability:.2f}",
        f"falls below {score.FLOOR} by it",
    ):
        assert said in page, said


def test_every_kind_is_explained_with_its_lifetime():
    rows = re.findall(
        r"^\| (`.+`) \| (\d+|until the list drops it) \|$", INDICATOR.read_text(), re.MULTILINE
    )
    told = {kind: days for kinds, days in rows for kind in re.findall(r"`([^`]+)`", kinds)}
    lasting = score.LIFETIMES[Kind.CIDR]
    assert told == {
        kind.value: "until the list drops it" if life == lasting else str(life.days)
        for kind, life in score.LIFETIMES.items()
    }


def _ask(app: FastAPI) -> None:
    async def ask() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://h") as client:
            await client.get("/api/nothing")

    # In a thread: the browser of other tests keeps a loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, ask()).result()


def test_every_figure_is_explained():
    page = (ROOT / "docs" / "howto" / "watch-tidegate.md").read_text()
    exposition = Exposition()
    metrics = Metrics(
        exposition.provider.get_meter("tidegate"),
        Lookups(lambda: [Pulse("a", 1.0, 1, True)], lambda: {"a": 1}, lambda: (1, 1.0)),
    )
    metrics.ran(Outcome("a", Status.OK, new=1, requests=1))
    metrics.charged("a", 1.0)
    metrics.gated(Gated("defender", applied=Applied(1, 1, {"a": "b"})))
    maps = MapMetrics(
        exposition.provider.get_meter("tidegate"),
        lambda: [MapPulse("a", 1.0, 1.0, rows=1, bytes=1, partial=True)],
    )
    maps.refreshed(Refresh("a", Result.REFRESHED, answered=1, calls=1, partial=True))
    _ask(web.create([], meters=exposition.provider))
    names = set(re.findall(r"^# TYPE (\w+)", exposition.text().decode(), re.MULTILINE))
    exposition.close()
    assert names == set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))


# --- a tenant ---------------------------------------------------------------------------------


def test_every_app_role_is_explained_as_the_doctor_explains_it_and_there_is_no_other():
    page = TENANT.read_text()
    rows = re.findall(r"^\| `(\S+)` \| (\S.*?) \| .* \| (.+) \|$", page, re.MULTILINE)
    explained = {row for row in rows if ROLE.fullmatch(row[0])}
    assert explained == {(need.role, need.api, need.switches_off) for need in NEEDED.values()}
    named = set(ROLE.findall(page))
    assert named - {need.role for need in NEEDED.values()} <= set(WIDER.values())


def test_the_roles_that_are_assigned_are_those_that_the_defaults_ask_for():
    [commands] = [block for block in _blocks(TENANT, "sh") if "appRoleAssignments" in block]
    asked = [NEEDED[name] for name in needs(Settings(), Responses())]
    assigned = set(ROLE.findall(commands))
    assert missing(assigned, asked) == []
    assert assigned <= {role for need in asked for role in (need.role, WIDER.get(need.role))}


def test_every_action_is_explained_with_its_default_answer():
    rows = re.findall(r"^\| `([a-z_]+)` \| .* \| (\w+) \| .*\|$", TENANT.read_text(), re.MULTILINE)
    told = {name: "always" if name in ALWAYS else answer for name, answer in DEFAULTS.items()}
    assert dict(rows) == told


def test_the_example_of_responses_can_be_read_and_means_what_it_says(tmp_path):
    [block] = _blocks(TENANT, "yaml")
    found = _responses(block, tmp_path)
    desk = Device("1", "desk-1.corp.example", "Windows11", "Workstations")
    lab = Device("2", "lab-1.corp.example", "Windows11", "Workstations", ("Lab",))
    bad = Verdict.MALICIOUS
    assert found.exclude.reason(Device("3", "pos-7.corp.example", "Windows10"))
    assert found.answer("quarantine_file", bad, "High", desk) is Answer.DO
    assert found.answer("isolate_device", bad, "High", desk) is Answer.ASK
    assert found.answer("isolate_device", bad, "High", lab) is Answer.NONE
    assert found.elsewhere("quarantine_file", bad, "Medium", desk) is Answer.DO
    assert found.elsewhere("isolate_device", bad, "Low", desk) is Answer.NONE
    assert found.answer("begin_alert", Verdict.CLEAN, "Low", lab) is Answer.DO


def test_the_runbooks_file_switches_everything_off_that_can_be(tmp_path):
    [block] = _blocks(RUNBOOK, "yaml")
    found = _responses(block, tmp_path)
    assert {name for name in DEFAULTS if found.may(name)} == ALWAYS
    answers = {name: found.answer(name, Verdict.MALICIOUS, "High", None) for name in DEFAULTS}
    assert {name for name, answer in answers.items() if answer is not Answer.NONE} == ALWAYS


@pytest.mark.parametrize("page", [TENANT, RUNBOOK, FIREWALL], ids=lambda page: page.stem)
def test_no_setting_is_named_that_does_not_exist(page):
    named = set(re.findall(r"TIDEGATE_([A-Z_]*[A-Z])\b", page.read_text()))
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_every_line_of_the_runbook_is_logged():
    sources = _sources().replace('"\n            "', "")
    lines = re.findall(r"^\| `([^`]+)` \| [A-Z]+ \|", RUNBOOK.read_text(), re.MULTILINE)
    assert len(lines) > 5
    for line in lines:
        for part in filter(None, re.split(r"[ :]*…[ :]*", line)):
            assert part in sources, line


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def _responses(text: str, folder: Path) -> Responses:
    file = folder / "responses.yaml"
    file.write_text(text, encoding="utf-8")
    return responses(file)


# --- what others read ---------------------------------------------------------------------------


def test_every_list_is_explained_with_its_limit():
    rows = re.findall(
        r"^\| `([a-z0-9-]+)` \| .* \| ([\d,]+) \|$", FIREWALL.read_text(), re.MULTILINE
    )
    assert dict(rows) == {name: f"{form.most:,}" for name, form in FORMATS.items()}


def test_every_header_of_a_list_is_explained():
    form = FORMATS["plain-domain"]
    found = render(empty(PUBLISHED), form, 0, datetime(2026, 3, 1, tzinfo=UTC), Tlp.CLEAR)
    now = datetime(2026, 3, 1, tzinfo=UTC)
    told = lists._headers(replace(found, changed=now, until=now), now)
    rows = re.findall(r"^\| (`(?:[A-Z][a-z]|ETag|X-).*`) \|", FIREWALL.read_text(), re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`([A-Z][^`]+)`", row)} == set(told)


def test_the_collections_and_addresses_that_are_told_are_those_that_there_are():
    page = FIREWALL.read_text()
    rows = re.findall(r"^\| `(\w+)` \| `([0-9a-f-]{36})` \|", page, re.MULTILINE)
    assert dict(rows) == {one.alias: one.id for one in taxii.COLLECTIONS}
    assert f"`{taxii.ROOT}`" in page
    assert f"{MOST:,} objects" in page


def test_the_passwords_that_are_shown_would_be_taken():
    (block,) = [b for b in _blocks(FIREWALL, "sh") if "TIDEGATE_READERS" in b]
    said = re.findall(r"TIDEGATE_(\w+)='(.+)'", block)
    assert Settings(**{name.lower(): json.loads(text) for name, text in said}).partners


# --- links ------------------------------------------------------------------------------------


def test_every_relative_link_leads_somewhere():
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_link_into_a_page_leads_to_a_heading():
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for link, anchor in re.findall(r"\]\((?!https?://)([^)#]*)#([^)]+)\)", page.read_text()):
            text = (page.parent / link if link else page).read_text()
            titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
            assert anchor in {_anchor(title) for title in titles}, f"{page.name}: {link}#{anchor}"


def _anchor(title: str) -> str:
    """Return what a heading is called in links, as GitHub makes it."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
