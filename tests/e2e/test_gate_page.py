"""The page of the gate in a real browser: what it shows, what people decide, what it withstands."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from gate_house import ENFORCED, FREE, HOSTILE, LONG_URL, READ, GateHouse, Visit, change, gate_house
from map_site import DIST
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.slow

OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
ME = "Alex Example"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GateHouse]:
    if not (DIST / "gate.html").is_file():
        pytest.fail("the page is not built: run `npm ci && npm run build` in web/")
    with gate_house(tmp_path_factory.mktemp("gate"), DIST) as opened:
        yield opened


@pytest.fixture
def house(running: GateHouse) -> GateHouse:
    running.begin_anew()
    return running


@pytest.fixture
def open_page(browser: Browser, house: GateHouse):
    opened = []

    def go(value: str = "", width: int = 1440, *, troubled: bool = False, **options: Any) -> Visit:
        size = {"width": width, "height": 900}
        context = browser.new_context(viewport=size, **({"color_scheme": "dark"} | options))
        seen = Visit(context.new_page())
        opened.append((context, seen, troubled))
        seen.page.set_default_timeout(10_000)
        seen.page.goto(f"{house.url}/gate.html{f'#{value}' if value else ''}")
        return seen

    yield go
    for context, seen, troubled in opened:
        seen.page.unroute_all(behavior="ignoreErrors")  # the page may be asking right now
        context.close()
        assert seen.complaints == [] or troubled
        assert {url.startswith(house.url + "/") for url in seen.requests} == {True}


def test_each_target_shows_its_places_and_what_is_in_them(open_page):
    seen = open_page()
    defender = seen.target("defender")
    expect(defender.get_by_role("heading", name="Microsoft Defender")).to_be_visible()
    places = defender.get_by_role("list", name="Places").get_by_role("listitem")
    expect(places).to_have_text(
        ["14,200 Ours", "600 Analysts\u2019", "200 Kept free", "0 Free", "of 15,000"]
    )
    expect(defender.locator(".bars").first).to_contain_text("IPv4")
    expect(defender.get_by_role("img", name=re.compile("^Scores: 50 to 60: 284"))).to_be_visible()
    churn = defender.get_by_role(
        "img", name=re.compile("^Hour by hour: .* in, .* out; at most 500")
    )
    expect(churn.locator("rect")).to_have_count(96)
    expect(defender).to_contain_text("120 added")
    expect(defender).to_contain_text("137 changed by hand")
    expect(defender).to_contain_text("127 more are not listed")
    defender.get_by_text("6 more").click()
    expect(defender.locator(".drift li")).to_have_count(10)
    expect(seen.target("sentinel")).to_contain_text(f"It could not be read: {READ}.")
    expect(seen.target("sentinel")).to_contain_text("12 failed")
    expect(seen.target("lists")).to_contain_text("13,000 held; no limit.")
    expect(seen.target("lists")).to_contain_text("It has never run.")
    expect(seen.tile("Enforced")).to_have_text("36,200")
    expect(seen.tile("Plans to approve")).to_have_text("1")
    expect(seen.page.locator("#rejected li").first).to_contain_text("warninglist")
    expect(seen.page.locator("#status")).to_contain_text("Live")


def test_who_approves_is_told_what_follows_and_sees_it(open_page, house):
    seen = open_page()
    defender = seen.target("defender")
    expect(defender).to_contain_text("A plan waits: 4,200 to add, 1 to remove")
    expect(defender.locator(".plan")).to_contain_text(f"{READ}: many")
    defender.get_by_role("button", name="Approve the plan for Microsoft Defender").focus()
    seen.page.keyboard.press("Enter")
    expect(seen.form).to_contain_text("4,200 come in and 1 goes out")
    name = seen.form.get_by_label("Your name")
    expect(name).to_be_focused()
    seen.page.keyboard.press("Enter")  # nobody decides without a name
    expect(seen.form).to_be_visible()
    assert house.posted == []
    name.fill(ME)
    seen.page.keyboard.press("Enter")
    expect(seen.form).to_have_count(0)
    expect(defender).not_to_contain_text("A plan waits")
    expect(seen.page.locator("#live")).to_have_text("The plan is approved.")
    assert house.posted == [("apply", {"target": "defender", "plan": "p7", "by": ME})]


def test_what_was_undone_pauses_the_gate_until_somebody_resumes_it(open_page, house):
    seen = open_page()
    seen.page.evaluate(f"localStorage.setItem('tidegate.by', '{ME}')")
    undo = seen.target("defender").get_by_role("button", name="Undo the last run")
    undo.click()
    expect(seen.form).to_contain_text(
        "120 that came in go out again and 1 that went out comes back"
    )
    expect(seen.form).to_contain_text("the gate pauses")
    seen.page.keyboard.press("Escape")
    expect(seen.form).to_have_count(0)
    expect(undo).to_be_focused()
    seen.page.keyboard.press("Enter")
    expect(seen.form.get_by_label("Why")).to_be_focused()
    seen.page.keyboard.type("it blocked the shop")
    seen.page.keyboard.press("Enter")
    paused = seen.page.get_by_role("group", name="Pause")
    expect(paused).to_contain_text("The gate is paused")
    expect(paused).to_contain_text(f"By {ME}")
    expect(paused).to_contain_text("it blocked the shop")
    said = {"target": "defender", "by": ME, "why": "it blocked the shop"}
    assert house.posted == [("undo", said)]

    paused.get_by_role("button", name="Resume").click()
    seen.form.get_by_role("button", name="Resume").click()
    expect(paused).to_be_hidden()
    assert house.posted[1:] == [("resume", {"by": ME})]


def test_a_plan_that_became_another_is_not_approved(open_page, house):
    seen = open_page(troubled=True)
    approve = seen.target("defender").get_by_role("button", name="Approve")
    approve.click()
    seen.form.get_by_label("Your name").fill(ME)
    house.of("defender")["waiting"] |= {"plan": "p8", "adds": 9}
    seen.form.get_by_role("button", name="Approve").click()
    expect(seen.form.get_by_role("alert")).to_have_text("another plan waits by now (409).")
    expect(seen.target("defender")).to_contain_text("A plan waits: 9 to add")
    assert house.posted == []
    seen.form.get_by_role("button", name="Cancel").click()

    approve.click()
    house.of("defender")["waiting"] |= {"plan": "p9"}
    seen.again()
    expect(seen.form).to_have_count(0)
    expect(seen.page.locator("#live")).to_contain_text("has changed")


def test_changes_are_read_as_far_back_as_one_likes(open_page, house):
    seen = open_page()
    expect(seen.rows).to_have_count(50)
    found = seen.page.locator("#changes-found")
    expect(found).to_have_text("50 changes; there are older ones")
    expect(seen.rows.first).to_contain_text("198[.]51[.]100[.]0")
    expect(seen.rows.first).to_contain_text("Microsoft Defender")
    expect(seen.rows.nth(2)).to_contain_text("went out")
    expect(seen.rows.nth(2)).to_contain_text("scored 91 from cins and ipsum")
    more = seen.page.get_by_role("button", name="Show more")
    for known in (100, 150, 200, 250):
        more.click()
        expect(seen.rows).to_have_count(known)
    expect(more).to_be_hidden()

    # What is new comes on top; what was read stays.
    house.changes.insert(0, change(0) | {"run": "r99", "defanged": "192[.]0[.]2[.]9"})
    seen.again()
    expect(seen.rows).to_have_count(251)
    expect(seen.rows.first).to_contain_text("192[.]0[.]2[.]9")


def test_changes_are_chosen_by_target_and_sort(open_page):
    seen = open_page()
    seen.page.get_by_label("Which changes").select_option("Failed")
    expect(seen.rows).to_have_count(5)  # the older ones are looked for, too
    expect(seen.rows.first).to_contain_text(f"refused by the target: {READ}")
    seen.page.get_by_label("Which changes").select_option("Replaced")
    seen.page.get_by_label("Changes of which target").select_option("Microsoft Sentinel")
    expect(seen.rows.locator(".target", has_text="Microsoft Defender")).to_have_count(0)
    expect(seen.rows).not_to_have_count(0)
    assert set(seen.rows.locator(".change").all_inner_texts()) <= {"replaced", "replace failed"}


def test_texts_of_others_stay_texts(open_page):
    seen = open_page()
    expect(seen.rows.nth(3)).to_contain_text(READ.replace(".exe", ""))
    expect(seen.rows.nth(13).locator("code")).to_contain_text("hxxp://login[.]example/aaa")
    expect(seen.rows.nth(13).locator("code")).to_contain_text("…")
    reason = seen.rows.first.locator("details")
    expect(reason.locator("p")).to_be_hidden()
    reason.locator("summary").click()
    expect(reason.locator("p")).to_contain_text("score fell below the bar")
    assert seen.page.locator("img").count() == 1  # our own sign
    assert LONG_URL not in seen.page.content()


def test_an_indicator_is_explained(open_page):
    seen = open_page()
    seen.page.keyboard.press("/")
    expect(seen.page.get_by_role("searchbox")).to_be_focused()
    seen.explain("192[.]0.2[.]100")
    expect(seen.explained.get_by_role("heading").first).to_have_text("192[.]0[.]2[.]100")
    terms = seen.explained.get_by_role("table")
    expect(terms.get_by_role("columnheader")).to_contain_text(
        ["Source", "Weight", "Reliability", "Confidence", "Age", "Left by age"]
    )
    for feed in ("cins", "emerging_threats"):
        expect(terms.get_by_role("rowheader", name=feed)).to_be_visible()
    expect(seen.explained).to_contain_text("has nothing against it")
    expect(seen.explained.locator("[data-holder=defender]")).to_contain_text(
        "Block since 2026-11-20 10:00 UTC, expires 2026-12-20 10:00 UTC"
    )
    expect(seen.explained.locator("[data-holder=sentinel]")).to_contain_text("does not hold it")

    seen.page.goto(f"{seen.page.url.split('#')[0]}#{FREE}")
    expect(seen.explained.get_by_role("heading").first).to_have_text("192[.]0[.]2[.]101")
    expect(seen.explained.locator("[data-holder=defender]")).to_contain_text("does not hold it")
    seen.page.go_back()
    expect(seen.explained.get_by_role("heading").first).to_have_text("192[.]0[.]2[.]100")


def test_an_analyst_has_the_last_word(open_page, house):
    seen = open_page(ENFORCED)
    seen.explained.get_by_role("button", name="Mark as harmless").click()
    expect(seen.form).to_contain_text("takes it out of every target")
    seen.form.get_by_label("Because").fill("our own scanner")
    seen.form.get_by_label("Your name").fill(ME)
    seen.page.keyboard.press("Enter")
    expect(seen.form).to_have_count(0)
    expect(seen.page.locator("#live")).to_contain_text("marked as harmless")
    said = {"value": ENFORCED, "word": "harmless", "because": "our own scanner", "by": ME}
    assert house.posted == [("mark", said)]


def test_also_of_what_nobody_reported(open_page, house):
    seen = open_page("203.0.113.250", troubled=True)
    expect(seen.explained).to_contain_text("Nobody has ever reported it.")
    seen.explained.get_by_role("button", name="Mark as malicious").click()
    seen.form.get_by_label("Because").fill("seen in an incident")
    seen.form.get_by_label("Your name").fill(ME)
    seen.page.keyboard.press("Enter")
    expect(seen.form).to_have_count(0)
    assert [(what, said["word"]) for what, said in house.posted] == [("mark", "malicious")]


def test_what_is_no_indicator_is_said_to_be_none(open_page):
    seen = open_page(troubled=True)
    seen.explain("not an indicator")
    expect(seen.page.locator("#explain-trouble")).to_contain_text("It cannot be explained")
    expect(seen.explained.get_by_role("button")).to_have_count(0)


def test_a_hostile_answer_about_an_indicator_stays_text(open_page):
    seen = open_page()
    said = {"source": HOSTILE, "confidence": 100, "threat": HOSTILE, "tags": [HOSTILE], "tlp": "x"}
    said |= {"reference": "javascript:alert(1)", "first_seen": "never", "last_seen": None}
    answer = {"kind": HOSTILE, "value": HOSTILE, "never_enforced": HOSTILE, "score": "high"}
    answer |= {"terms": [{"source": HOSTILE, "weight": 7, "novelty": HOSTILE}, None]}
    answer |= {"sightings": [said], "suppressed": [said | {"why": HOSTILE}], "expired": "none"}
    seen.page.route("**/api/indicators/**", lambda route: route.fulfill(json=answer))
    seen.explain("192.0.2.1")
    expect(seen.explained.locator("h3")).to_have_text(READ)
    expect(seen.explained.get_by_role("columnheader", name="novelty")).to_be_visible()
    expect(seen.explained).to_contain_text("javascript:alert(1)")
    assert seen.explained.locator("a").count() == 0
    assert seen.page.locator("img").count() == 1


def test_a_change_leads_to_its_explanation(open_page, house):
    house.changes[0] |= {"value": ENFORCED, "defanged": "192[.]0[.]2[.]100"}
    seen = open_page()
    seen.rows.first.get_by_role("button").focus()
    seen.page.keyboard.press("Enter")
    expect(seen.explained.locator("h3")).to_have_text("192[.]0[.]2[.]100")
    expect(seen.page.get_by_role("searchbox")).to_have_value(ENFORCED)


def test_feeds_are_shown_with_and_without_measured_precision(open_page):
    seen = open_page()
    cins = seen.page.locator("[data-feed=cins]")
    expect(cins.locator(".precision")).to_have_text("\u2013")
    expect(cins.locator("svg.spark")).to_be_visible()

    def measured(route: Any) -> None:
        value = route.fetch().json()
        for feed in value["feeds"]:
            feed |= {"precision": 0.875, "hits": 14, "false_positives": 2}
        route.fulfill(json=value)

    seen.page.route("**/api/feeds/value", measured)
    seen.page.reload()
    expect(cins.locator(".precision")).to_have_text("88 % 14 hits, 2 wrong")
    seen.page.get_by_role("link", name="all of it").click()
    expect(seen.page).to_have_title("Feeds · Tidegate")


def test_what_is_known_stays_when_the_server_goes(open_page, house):
    seen = open_page(ENFORCED, troubled=True)
    expect(seen.explained.get_by_role("table")).to_be_visible()
    expect(seen.rows).to_have_count(50)
    house.close()
    seen.page.evaluate("window.dispatchEvent(new Event('online'))")
    status = seen.page.locator("#status")
    expect(status).to_have_text(re.compile(r"^Offline, as of .* UTC: the server cannot be reached"))
    expect(seen.page.locator("#changes-trouble")).to_contain_text("may be old")
    expect(seen.target("defender")).to_be_visible()
    expect(seen.rows).to_have_count(50)
    expect(seen.explained.get_by_role("table")).to_be_visible()
    house.open()
    seen.page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(status).to_contain_text("Live")
    expect(seen.page.locator("#changes-trouble")).to_be_hidden()


def test_without_an_answer_it_says_so_and_tries_again(open_page):
    seen = open_page(troubled=True)
    problem = {"status": 503, "detail": "the gate rests", "title": "Service Unavailable"}
    seen.page.route("**/api/gate", lambda route: route.fulfill(status=503, json=problem))
    seen.page.reload()
    expect(seen.page.locator("#notice")).to_contain_text("the gate rests (503)")
    seen.page.unroute("**/api/gate")
    seen.page.get_by_role("button", name="Try again").click()
    expect(seen.page.locator("#notice")).to_be_hidden()
    expect(seen.target("defender")).to_be_visible()


def test_a_server_that_says_less_is_understood(open_page, house):
    house.state = {"targets": [{"name": "defender"}, {"held": -3, "churn": [None], "last": {}}]}
    house.changes = [{"target": ""}]
    seen = open_page()
    expect(seen.target("defender").get_by_role("heading", name="defender")).to_be_visible()
    expect(seen.rows).to_have_count(1)


def test_words_in_a_form_outlive_an_answer_of_the_server(open_page, house):
    seen = open_page()
    seen.target("defender").get_by_role("button", name="Undo").click()
    seen.form.get_by_label("Why").fill("too")
    house.of("defender")["held"] = 14_199
    seen.again()
    expect(seen.target("defender")).to_contain_text("14,199 Ours")
    expect(seen.form.get_by_label("Why")).to_be_focused()
    seen.page.keyboard.press("End")
    seen.page.keyboard.type(" much")
    expect(seen.form.get_by_label("Why")).to_have_value("too much")


def test_a_hidden_page_asks_nothing(open_page):
    seen = open_page()
    expect(seen.target("defender")).to_be_visible()
    seen.page.evaluate("Object.defineProperty(document, 'hidden', {value: true})")
    asked = len(seen.requests)
    seen.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    seen.page.evaluate("window.dispatchEvent(new Event('online'))")
    seen.page.wait_for_timeout(300)
    assert len(seen.requests) == asked


def test_all_pages_lead_to_the_gate(open_page):
    seen = open_page()
    for name in ("Map", "Feeds", "Cases"):
        seen.page.get_by_role("link", name=name, exact=True).click()
        expect(seen.page).to_have_title(f"{name} · Tidegate")
        seen.page.get_by_role("link", name="Gate", exact=True).click()
        expect(seen.target("defender")).to_be_visible()


def test_the_page_comes_with_its_headers(house):
    with urlopen(f"{house.url}/gate.html") as answer:  # noqa: S310 - our own server
        headers, text = answer.headers, answer.read().decode()
    assert headers["Cache-Control"] == "no-cache"
    assert "script-src 'self'; style-src 'self'" in headers["Content-Security-Policy"]
    assert not re.search(r"<style|style=|<script(?![^>]*src=)|\son\w+=", text)


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [1600, 360])
def test_it_looks_as_it_should(open_page, tmp_path: Path, scheme, width):
    seen = open_page(ENFORCED, width, color_scheme=scheme)
    expect(seen.explained.get_by_role("table")).to_be_visible()
    expect(seen.rows).to_have_count(50)
    expect(seen.page.locator("[data-feed=cins]")).to_be_visible()
    seen.target("defender").get_by_role("button", name="Undo").click()
    expect(seen.form).to_be_in_viewport()
    shot = seen.page.screenshot(path=tmp_path / f"gate-{scheme}-{width}.png", full_page=True)
    assert len(shot) > 20_000
    assert seen.page.evaluate(OVERFLOW) <= 0
