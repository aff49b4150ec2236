"""The page of the cases in a real browser, on the real server with the simulated tenant."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import pytest
from axe import barriers
from cases_house import (
    AGAIN,
    HOSTILE,
    HOSTILELY_NAMED,
    CasesHouse,
    CasesVisit,
    cases_house,
    changed,
)
from map_site import DIST
from playwright.sync_api import Browser, expect
from visit import visiting

from tidegate.simulator.seed import alert_id

pytestmark = pytest.mark.slow

READ = "<img src=x onerror=alert(1)> in[U+202E]voice[U+200B].exe"
MALICIOUS, PHISHING, AWAY, SERVER = map(alert_id, (1, 3, 6, 7))
FOUR = ["device.collect", "device.scan", "file.quarantine", "device.isolate"]
PROBLEM = "application/problem+json"
IN_SIGHT = """() => {
  const [line, list] = ["[aria-current=true]", "#cases"].map((one) => document.querySelector(one));
  return line.getBoundingClientRect().bottom <= list.getBoundingClientRect().bottom + 1;
}"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CasesHouse]:
    if not (DIST / "cases.html").is_file():
        pytest.fail("the page is not built: run `npm ci && npm run build` in web/")
    with cases_house(tmp_path_factory.mktemp("cases"), DIST) as running:
        yield running


@pytest.fixture
def open_page(browser: Browser, house: CasesHouse) -> Iterator[Callable[..., CasesVisit]]:
    with visiting(browser, house.url, CasesVisit) as go:
        yield lambda mark="", *size, **more: go(f"/cases.html#{mark}", *size, **more)


def test_the_list_shows_all_cases_and_counts_them(open_page, house):
    seen = open_page()
    expect(seen.page.locator(".line")).to_have_count(10)
    expect(seen.page.locator("#found")).to_have_text("10 cases")
    expect(seen.page.locator("#status")).to_contain_text("Live")
    assert seen.names()[0].endswith("_10")
    assert seen.names()[-1] == MALICIOUS
    expect(seen.line(MALICIOUS)).to_contain_text("Suspicious file was downloaded")
    expect(seen.line(MALICIOUS)).to_contain_text("malicious")
    expect(seen.line(MALICIOUS)).to_contain_text("4 to approve")
    expect(seen.line(SERVER)).to_contain_text("Failed")
    expect(seen.tile("Open")).to_have_text(["0", "\u2013"])
    expect(seen.tile("Waiting for approval")).to_have_text("6")
    today = f"{house.house.detonate.clock():%Y-%m-%d}"
    fresh = sum(house.case(alert_id(n))["opened"].startswith(today) for n in (1, 2, 3, 5, 6, 9))
    expect(seen.tile("Malicious today")).to_have_text(str(fresh))


def test_an_opened_case_shows_its_way_its_evidence_and_what_waits(open_page):
    seen = open_page()
    seen.line(MALICIOUS).click()
    expect(seen.line(MALICIOUS)).to_have_attribute("aria-current", "true")
    expect(seen.case.locator("header .badge").first).to_have_text("malicious")
    steps = seen.case.locator(".steps strong")
    expect(steps).to_have_text(
        ["Received", "Examine", "Record", "Write back", "Clean up", "Respond", "Done"]
    )
    expect(seen.case.locator(".steps .small").nth(2)).to_have_text(re.compile(r"^\d.* m?s$"))

    evidence = seen.page.locator("#case-evidence")
    for text in ("invoice.exe", "Loader.Simulated", "Known malicious reputation", "2 left out"):
        expect(evidence).to_contain_text(text)
    for text in ("c2[.]loader[.]example", "hxxp://c2[.]loader[.]example/gate[.]php?id=1"):
        expect(evidence.get_by_text(text, exact=True)).to_have_count(1)
    expect(evidence).to_contain_text("On 1 other device of ours; on 3 machines worldwide")
    expect(evidence.locator(".devices")).to_contain_text("desk-2.corp.example")
    report = evidence.get_by_role("link", name="on vmray.example")
    expect(report).to_have_attribute("href", re.compile("^https://vmray.example/"))
    expect(report).to_have_attribute("rel", re.compile("noopener"))
    expect(evidence.get_by_role("link", name="T1071")).to_have_count(1)

    for do in FOUR:
        expect(seen.response(do)).to_contain_text("waits for approval")
        expect(seen.response(do).get_by_role("button")).to_have_text(["Approve", "Reject"])
    expect(seen.response("file.quarantine")).to_contain_text("Quarantine invoice.exe")
    expect(seen.effect("incident.tag")).to_contain_text("tagged")
    expect(seen.effect("indicator.block")).to_have_count(7)


def test_troubles_notes_and_reasons_are_told(open_page):
    seen = open_page()
    changed(seen, SERVER, notes=["refused: <b>no</b>"], reason="given up after 20 attempts")
    seen.line(SERVER).click()
    expect(seen.case.locator(".troubles")).to_contain_text("hash mismatch")
    expect(seen.page.locator("#case-notes")).to_have_text("refused: <b>no</b>")
    expect(seen.case.locator(".reason")).to_have_text("given up after 20 attempts")
    expect(seen.page.locator("#case-responses")).to_have_text("None.")


def test_who_approves_sees_it_happen_and_can_take_it_back(open_page, house):
    seen = open_page(MALICIOUS)
    isolate = seen.response("device.isolate")
    isolate.get_by_role("button", name="Approve").click()
    form = seen.case.get_by_role("form")
    expect(form).to_contain_text("The device loses its network")
    name = form.get_by_label("Your name")
    expect(name).to_be_focused()
    seen.page.keyboard.press("Enter")  # nobody decides without a name
    expect(form).to_be_visible()
    name.fill("Alex Example")
    seen.page.keyboard.press("Enter")
    expect(form).to_have_count(0)
    expect(isolate.get_by_role("button", name="Approve")).to_have_count(0)
    expect(isolate).to_contain_text("succeeded", timeout=30_000)
    assert house.isolated("desk-1")
    for do in FOUR[:3]:
        expect(seen.response(do)).to_contain_text("waits for approval")

    isolate.get_by_role("button", name="Undo").click()
    expect(form.get_by_label("Your name")).to_have_value("Alex Example")
    form.get_by_role("button", name="Undo").click()
    expect(seen.response("device.release")).to_contain_text("succeeded", timeout=30_000)
    expect(isolate.get_by_role("button", name="Undo")).to_have_count(0)
    assert not house.isolated("desk-1")
    expect(seen.case.locator(".round")).not_to_have_count(1)
    expect(seen.line(MALICIOUS)).to_contain_text("3 to approve")


def test_what_is_rejected_never_happens_and_a_block_can_be_undone(open_page, house):
    seen = open_page(PHISHING)
    seen.page.get_by_role("button", name="Reject all 3").click()
    form = seen.case.get_by_role("form")
    expect(form.get_by_role("listitem")).to_have_count(3)
    form.get_by_label("Your name").fill("Alex Example")
    form.get_by_role("button", name="Reject 3").click()
    rows = seen.page.locator("#case-responses > ol > li")
    expect(rows.locator(".badge")).to_have_text(["rejected"] * 3, timeout=30_000)
    expect(rows.get_by_role("button")).to_have_count(0)

    key = seen.effect("indicator.block").first.get_attribute("data-key")
    block = seen.page.locator(f"[data-key='{key}']")
    block.get_by_role("button", name="Undo").click()
    form.get_by_role("button", name="Undo").click()
    expect(block.locator(".badge")).to_have_text("taken back", timeout=30_000)
    expect(seen.effect("indicator.delete")).to_contain_text("removed", timeout=30_000)
    with closing(house.tenant()) as memory:
        values = {one["indicatorValue"] for one in memory.all("indicators")}
    assert "login.phish.example" not in values


def test_a_whole_action_can_wait_and_each_thing_is_decided_by_its_key(open_page, house):
    asked = ["block_indicators", *house.case(AWAY)["asked"]]
    said = []
    seen = open_page()
    changed(seen, AWAY, asked=asked)
    seen.page.route(
        "**/approve", lambda route: said.append(route.request) or route.fulfill(json={})
    )
    seen.line(AWAY).click()
    waits = seen.page.locator("[data-key=block_indicators]")
    expect(waits).to_contain_text("Block the malicious indicators")
    seen.page.get_by_role("button", name=f"Approve all {len(asked)}").click()
    seen.case.get_by_label("Your name").fill(" Alex Example ")
    seen.page.keyboard.press("Enter")
    expect(waits.locator(".badge")).to_have_text("approved, not yet taken up")
    assert [one.post_data_json for one in said] == [
        {"by": "Alex Example", "only": k} for k in asked
    ]
    assert {one.headers["content-type"] for one in said} == {"application/json"}


def test_a_decision_that_has_not_happened_yet_is_told_of(open_page, house):
    house.rest()
    try:
        seen = open_page(AWAY)
        collect = seen.response("device.collect")
        collect.get_by_role("button", name="Reject").click()
        seen.case.get_by_label("Your name").fill("Alex Example")
        seen.page.keyboard.press("Enter")
        expect(collect.locator(".badge")).to_have_text("rejected, not yet taken up")
        expect(collect.get_by_role("button")).to_have_count(0)
        expect(seen.page.locator("#case-responses")).to_be_focused()
    finally:
        house.work()
    expect(collect.locator(".badge")).to_have_text("rejected", timeout=30_000)


def test_what_the_server_refuses_is_said_in_its_place(open_page):
    seen = open_page(AWAY, troubled=True)
    detail = {"title": "Not Found", "status": 404, "detail": "too old: <i>device.scan</i>"}
    seen.page.route(
        "**/approve",
        lambda route: route.fulfill(status=404, content_type=PROBLEM, body=json.dumps(detail)),
    )
    approve = seen.response("device.scan").get_by_role("button", name="Approve")
    approve.click()
    form = seen.case.get_by_role("form")
    form.get_by_label("Your name").fill("Alex Example")
    form.get_by_role("button", name="Approve").click()
    expect(form.get_by_role("alert")).to_have_text("too old: <i>device.scan</i> (404).")
    seen.page.keyboard.press("Escape")
    expect(form).to_have_count(0)
    expect(approve).to_be_focused()


def test_a_case_that_there_is_not_says_so(open_page):
    seen = open_page("nothing%20here", troubled=True)
    expect(seen.page.locator("#trouble")).to_have_text(
        "This case cannot be shown: no such case (404)."
    )


def test_a_refresh_keeps_the_place_the_words_and_the_nodes(open_page):
    seen = open_page(SERVER)
    seen.line(AWAY).click()
    seen.response("device.scan").get_by_role("button", name="Approve").click()
    name = seen.case.get_by_label("Your name")
    name.fill("Half a na")
    seen.page.evaluate("document.querySelector('.iocs').marked = true")
    before = seen.page.evaluate("document.querySelector('#case').scrollTop")
    assert before > 0
    changed(seen, AWAY, notes=["something new"], verdicts=["suspicious"])
    seen.again()
    expect(seen.page.locator("#case-notes")).to_have_text("something new")
    expect(seen.line(AWAY)).to_contain_text("suspicious")
    expect(name).to_be_focused()
    expect(name).to_have_value("Half a na")
    expect(seen.line(AWAY)).to_have_attribute("aria-current", "true")
    assert seen.page.evaluate("document.querySelector('.iocs').marked")
    assert seen.page.evaluate("document.querySelector('#case').scrollTop") >= before


def test_the_list_can_be_filtered_and_put_in_order(open_page):
    seen = open_page()
    expect(seen.page.locator(".line")).to_have_count(10)
    seen.page.keyboard.press("/")
    seen.page.keyboard.type("DESK-2 credential")
    expect(seen.page.locator(".line")).to_have_count(1)
    expect(seen.page.locator("#found")).to_have_text("1 of 10 cases")
    seen.page.get_by_label("Filter by text").fill("no such words")
    expect(seen.page.locator("#empty")).to_be_visible()
    seen.page.get_by_label("Filter by text").fill("")
    seen.page.get_by_label("Filter by stage").select_option("failed")
    expect(seen.page.locator(".line")).to_have_count(2)
    seen.page.get_by_label("Filter by stage").select_option("ended")
    seen.page.get_by_label("Filter by verdict").select_option("none")
    expect(seen.page.locator(".line")).to_have_count(2)
    seen.page.get_by_label("Filter by verdict").select_option("")
    seen.page.get_by_role("switch", name="Waiting for approval first").check()
    lines = seen.page.locator(".line")
    asking = seen.page.locator(".line:has(.asks)").count()
    assert 0 < asking < lines.count()
    first = seen.page.locator(f"li:nth-child(-n + {asking}) > .line:has(.asks)")
    expect(first).to_have_count(asking)
    seen.page.reload()
    expect(seen.page.get_by_role("switch", name="Waiting for approval first")).to_be_checked()


def test_the_keyboard_is_enough(open_page):
    seen = open_page()
    expect(seen.page.locator(".line")).to_have_count(10)
    seen.page.get_by_role("switch").focus()
    seen.page.keyboard.press("Tab")
    expect(seen.page.locator(".line").first).to_be_focused()
    seen.page.keyboard.press("End")
    seen.page.keyboard.press("ArrowUp")
    expect(seen.page.locator(".line").nth(8)).to_be_focused()
    seen.page.keyboard.press("Enter")
    expect(seen.case).to_be_focused()
    expect(seen.page.locator("#case-title")).to_contain_text("Suspicious file was downloaded")
    jump = seen.page.get_by_role("button", name="4 wait for approval")
    expect(jump).to_be_visible()
    seen.page.keyboard.press("Tab")
    expect(jump).to_be_focused()
    seen.page.keyboard.press("Enter")
    expect(seen.page.get_by_role("button", name="Approve all 4")).to_be_focused()
    seen.page.keyboard.press("Escape")
    expect(seen.page.locator(".line").nth(8)).to_be_focused()
    seen.page.go_back()
    expect(seen.page.locator("#none")).to_be_visible()


def test_texts_of_others_stay_texts(open_page):
    seen = open_page(HOSTILELY_NAMED)
    expect(seen.line(HOSTILELY_NAMED).locator(".title")).to_have_text(READ)
    expect(seen.page.locator("#case-title")).to_have_text(READ)
    assert seen.page.locator("img").count() == 1  # our own sign


def test_no_link_leads_to_what_is_not_https(open_page, house):
    seen = open_page()
    [artefact] = house.case(MALICIOUS)["artefacts"]
    for link in ("javascript:alert(1)", "http://vmray.example/1"):
        artefact["report"]["link"] = link
        changed(seen, MALICIOUS, artefacts=[artefact | {"target": HOSTILE}])
        seen.line(MALICIOUS).click()
        expect(seen.page.locator("#case-evidence")).to_contain_text(link)
        expect(seen.page.locator("#case-evidence h4 bdi")).to_have_text(READ)
        assert (
            seen.page.locator("#case-evidence a:not([href^='https://attack.mitre'])").count() == 0
        )
        seen.again()


def test_an_open_case_grows_older_without_motion_for_who_wants_none(open_page):
    way = [{"stage": "received", "at": "2026-01-01T00:00:00Z"}]
    way += [{"stage": "examine", "at": "2026-01-01T00:00:02Z"}]
    for wish, motion in (("reduce", "none"), ("no-preference", "breathe")):
        seen = open_page(reduced_motion=wish)
        changed(seen, MALICIOUS, stage="examine", entered=way, opened=way[0]["at"])
        seen.line(MALICIOUS).click()
        expect(seen.case.locator(".steps [aria-current]")).to_contain_text("since")
        style = "getComputedStyle(document.querySelector('.running .track')).animationName"
        assert seen.page.evaluate(style) == motion
        seen.again()
        expect(seen.tile("Open").first).to_have_text("1")
        expect(seen.tile("Oldest open case")).to_have_text(re.compile(r"^\d+ d"))


def test_what_is_known_stays_when_the_server_goes(open_page, house):
    seen = open_page(MALICIOUS, troubled=True)
    expect(seen.response("device.scan")).to_be_visible()
    house.close()
    seen.page.evaluate(AGAIN)
    expect(seen.page.locator("#status")).to_contain_text("Offline, as of")
    expect(seen.page.locator("#trouble")).to_contain_text("What is shown may be old")
    expect(seen.response("device.scan")).to_be_visible()
    house.open()
    seen.page.evaluate(AGAIN)
    expect(seen.page.locator("#status")).to_contain_text("Live")
    expect(seen.page.locator("#trouble")).to_be_hidden()


def test_on_a_narrow_screen_the_case_takes_the_place_of_the_list(open_page):
    seen = open_page(width=390, has_touch=True)
    seen.line(MALICIOUS).scroll_into_view_if_needed()
    scrolled = seen.page.evaluate("scrollY")
    seen.line(MALICIOUS).click()
    expect(seen.page.locator("#cases")).to_be_hidden()
    expect(seen.response("device.scan")).to_be_visible()
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390
    seen.page.get_by_role("button", name="All cases").click()
    expect(seen.line(MALICIOUS)).to_be_focused()
    assert seen.page.evaluate("scrollY") == pytest.approx(scrolled, abs=2)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_all_pages_lead_to_each_other(open_page):
    seen = open_page()
    for name, there in (("Map", "#stage"), ("Cases", "#cases"), ("Feeds", "#tiles")):
        seen.page.get_by_role("link", name=name, exact=True).click()
        expect(seen.page.locator(there)).to_be_visible()
    seen.page.get_by_role("link", name="Cases").click()
    expect(seen.page.locator(".line").first).to_be_visible()


def test_the_page_comes_with_its_headers(house):
    with urlopen(f"{house.url}/cases.html") as answer:  # noqa: S310 - our own server
        headers, text = answer.headers, answer.read().decode()
    assert headers["Cache-Control"] == "no-cache"
    assert "script-src 'self'; style-src 'self'" in headers["Content-Security-Policy"]
    assert not re.search(r"<style|style=|<script(?![^>]*src=)|\son\w+=", text)


@pytest.mark.parametrize(("scheme", "width"), [("dark", 1440), ("light", 1440), ("dark", 390)])
def test_it_looks_as_it_should(open_page, tmp_path: Path, scheme, width):
    seen = open_page(MALICIOUS, width, color_scheme=scheme)
    expect(seen.effect("incident.tag")).to_be_visible()
    assert width < 900 or seen.page.evaluate(IN_SIGHT)
    seen.response("device.scan").get_by_role("button", name="Approve").click()
    expect(seen.case.get_by_role("form")).to_be_in_viewport()
    seen.page.screenshot(path=tmp_path / f"asked-{scheme}-{width}.png")
    seen.page.evaluate("document.querySelector('#case').scrollTop = 0")
    shot = seen.page.screenshot(path=tmp_path / f"case-{scheme}-{width}.png", full_page=True)
    assert len(shot) > 20_000
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width


def test_no_barrier_is_found(open_page, house):
    seen = open_page(alert_id(1))
    expect(seen.case.locator("h2").first).to_be_visible()
    assert barriers(seen.page) == {}
