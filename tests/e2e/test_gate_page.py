"""The page of the gate in a real browser: what it shows, what people decide, what it withstands."""

import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from axe import barriers
from gate_house import (
    DOUBTED,
    HOSTILE,
    LOCKED,
    NOBODY_KNOWS,
    READ,
    GateHouse,
    GateVisit,
    ago,
    full,
    gate_house,
    made_up,
    run,
)
from map_site import DIST
from playwright.sync_api import Browser, expect
from visit import visiting

from tidegate.canonical import defanged
from tidegate.gate.undo import undo
from tidegate.model import Kind
from tidegate.ports import Enforced

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
def open_page(browser: Browser, house: GateHouse) -> Iterator[Callable[..., GateVisit]]:
    with visiting(browser, house.url, GateVisit) as go:
        yield lambda mark="", *size, **more: go(f"/gate.html#{mark}", *size, **more)


def test_each_target_shows_its_places_and_what_is_in_them(open_page, house):
    seen, told = open_page(), house.standing("defender")
    defender = seen.target("defender")
    expect(defender.get_by_role("heading", name="Microsoft Defender")).to_be_visible()
    held, others, headroom = told["held"], told["others"], told["headroom"]
    places = defender.get_by_role("list", name="Places").get_by_role("listitem")
    free = f"{300 - held - others - headroom} Free"
    expect(places).to_have_text(
        [f"{held} Ours", "2 Analysts\u2019", "20 Kept free", free, "of 300"]
    )
    for name, number in (told["by_kind"] | told["by_source"] | told["by_action"]).items():
        spelled = {"ipv4": "IPv4", "url": "URL"}.get(name, name)
        bar = defender.locator(".bars li", has_text=re.compile(f"^{spelled}"))
        expect(bar).to_contain_text(str(number))
    scores = defender.get_by_role("img", name=re.compile("^Scores: "))
    expect(scores.locator("rect").nth(6)).to_contain_text(f"60 to 70: {told['by_score'][6]}")
    expect(seen.page.locator("#status")).to_contain_text("Live")
    both = held + house.standing("sentinel")["held"]
    expect(seen.tile("Enforced")).to_have_text(str(both))
    expect(seen.tile("Plans to approve")).to_have_text("1")
    expect(seen.tile("Paused")).to_have_text("1")


def test_churn_the_last_run_and_a_pause_are_told(open_page, house):
    seen, told = open_page(), house.standing("defender")
    defender, sentinel = seen.target("defender"), seen.target("sentinel")
    added = sum(hour["added"] for hour in told["churn"])
    churn = defender.get_by_role("img", name=re.compile(f"^Hour by hour: {added} in, 0 out; at"))
    expect(churn).to_have_accessible_name(re.compile("at most 500 changes an hour$"))
    expect(churn.locator("rect")).to_have_count(96)
    expect(defender.locator(".last")).to_contain_text(f"{told['last']['added']} added")
    expect(defender.locator(".last")).to_contain_text("1 failed")
    expect(sentinel.locator(".last")).to_contain_text("by Robin Example")
    paused = sentinel.get_by_role("group", name="Pause")
    expect(paused).to_contain_text("nothing changes here until somebody resumes it")
    expect(paused).to_contain_text("By Robin Example")
    expect(paused).to_contain_text(DOUBTED)
    expect(defender.get_by_role("group", name="Pause")).to_have_count(0)


def test_what_was_changed_by_hand_and_what_was_not_chosen_is_listed(open_page, house):
    seen = open_page()
    defender = seen.target("defender")
    changed, removed = (defanged(one) for one in house.touched)
    drift = defender.locator(".drift li")
    expect(drift).to_have_text(
        [
            f"IPv4{changed}changed there by hand: Audit became Allowed",
            f"IPv4{removed}removed there by hand",
        ]
    )
    expect(seen.tile("Changed by hand")).to_have_text("2")
    for reason, number in house.standing("defender")["refused"].items():
        line = defender.locator(".bars li", has_text=reason)
        expect(line).to_contain_text(f"{number:,}")


def test_who_approves_is_told_what_follows_and_sees_it(open_page, house):
    before, waits = house.standing("defender")["held"], house.standing("defender")["waiting"]
    seen = open_page()
    defender = seen.target("defender")
    expect(defender).to_contain_text(f"A plan waits: {waits['adds']} to add, 0 to remove")
    expect(defender.locator(".plan")).to_contain_text("up to 30 need nobody's word")
    defender.get_by_role("button", name="Approve the plan for Microsoft Defender").focus()
    seen.page.keyboard.press("Enter")
    expect(seen.form).to_contain_text(f"{waits['adds']} come in, as fast as")
    name = seen.form.get_by_label("Your name")
    expect(name).to_be_focused()
    seen.page.keyboard.press("Enter")  # nobody decides without a name
    expect(seen.form).to_be_visible()
    assert house.standing("defender")["waiting"] == waits
    name.fill(ME)
    seen.page.keyboard.press("Enter")
    expect(seen.form).to_have_count(0)
    expect(defender).not_to_contain_text("A plan waits")
    expect(defender).to_contain_text(f"{before + waits['adds']} Ours")
    expect(defender.locator(".last")).to_contain_text(f"by {ME}")
    expect(seen.page.locator("#live")).to_have_text("The plan is approved.")
    expect(seen.rows.first.locator(".when time")).to_be_visible()
    assert house.standing("defender")["last"]["by"] == ME


def test_the_last_run_is_taken_back_and_the_gate_goes_on_later(open_page, house):
    before = set(house.targets["defender"].ours())
    added = house.standing("defender")["last"]["added"]
    seen = open_page()
    seen.page.evaluate(f"localStorage.setItem('tidegate.by', '{ME}')")
    defender = seen.target("defender")
    undo = defender.get_by_role("button", name="Undo the last run")
    undo.click()
    expect(seen.form).to_contain_text(f"{added} that came in go out again")
    expect(seen.form).to_contain_text("the gate pauses")
    seen.page.keyboard.press("Escape")
    expect(seen.form).to_have_count(0)
    expect(undo).to_be_focused()
    assert set(house.targets["defender"].ours()) == before
    seen.page.keyboard.press("Enter")
    expect(seen.form.get_by_label("Why")).to_be_focused()
    seen.page.keyboard.type("it blocked the shop")
    seen.page.keyboard.press("Enter")
    paused = defender.get_by_role("group", name="Pause")
    expect(paused).to_contain_text(f"By {ME}")
    expect(paused).to_contain_text("it blocked the shop")
    expect(seen.tile("Paused")).to_have_text("2")
    assert len(house.targets["defender"].ours()) == len(before) - added

    paused.get_by_role("button", name="Resume Microsoft Defender").click()
    expect(seen.form).to_contain_text("Go on with Microsoft Defender?")
    seen.form.get_by_role("button", name="Resume").click()
    expect(paused).to_have_count(0)
    assert house.standing("defender")["paused"] is None
    assert house.standing("sentinel")["paused"] is not None


def test_who_goes_on_may_take_back_what_was_changed_by_hand(open_page, house):
    undo(house.world.targets[0], house.world, ME, DOUBTED)
    seen = open_page()
    paused = seen.target("defender").get_by_role("group", name="Pause")
    paused.get_by_role("button", name="take back what was changed by hand").click()
    expect(seen.form).to_contain_text("What somebody changed or removed there by hand (2)")
    seen.form.get_by_label("Your name").fill(ME)
    seen.form.get_by_role("button", name="Resume and take back").click()
    expect(paused).to_have_count(0)
    expect(seen.tile("Changed by hand")).to_have_text("0")
    assert house.standing("defender")["drifted"] == 0


def test_an_earlier_run_is_taken_back_where_the_last_one_only_extended(open_page):
    seen, state = open_page(), full()
    state["targets"][0]["last"] |= {"added": 0, "extended": 7, "run": "r2"}
    state["targets"][0]["undoable"] = {"run": "r1", "at": ago(30), "removed": 3}
    seen.page.route("**/api/gate", lambda route: route.fulfill(json=state))
    seen.again()
    last = seen.target("defender").locator(".last")
    expect(last).to_contain_text("That one changed nothing else. The last that did was 1 d ago")
    last.get_by_role("button", name="Undo").click()
    expect(seen.form).to_contain_text("3 that went out come back")


def test_all_that_is_held_is_browsed_by_keyboard_page_by_page(open_page, house):
    seen, told = open_page(), house.standing("defender")
    rows, found = seen.page.locator("#held-rows tr"), seen.page.locator("#held-found")
    expect(seen.target("defender")).to_be_visible()
    seen.page.locator("#held summary").focus()
    seen.page.keyboard.press("Enter")
    expect(found).to_have_text(f"1 to 100 of {told['held']}, the best first")
    expect(rows).to_have_count(100)
    seen.page.get_by_role("button", name="Further ones").focus()
    seen.page.keyboard.press("Enter")
    expect(found).to_contain_text(f"101 to {min(200, told['held'])} of")
    seen.page.get_by_role("button", name="Better ones").click()
    expect(found).to_contain_text("1 to 100 of")
    source, count = next(iter(told["by_source"].items()))
    seen.page.get_by_label("Held from which source").select_option(source)
    expect(found).to_contain_text(f"of {count}, ")
    seen.page.get_by_label("Held from which source").select_option("")
    value = next(one for one in house.targets["defender"].ours() if one not in house.touched)
    seen.page.get_by_label("Held with this in its value").fill(value)
    seen.page.keyboard.press("Enter")
    row = rows.filter(has_text=defanged(value)).first
    row.get_by_role("button").click()
    expect(seen.explained).to_contain_text(defanged(value))
    seen.page.get_by_label("Held with this in its value").fill("<b>nobody</b>")
    seen.page.keyboard.press("Enter")
    expect(found).to_have_text("Nothing fits.")


def test_a_plan_that_became_another_is_not_approved(open_page, house):
    seen = open_page(troubled=True)
    approve = seen.target("defender").get_by_role("button", name="Approve")
    approve.click()
    seen.form.get_by_label("Your name").fill(ME)
    run(house.bounded(250, 30))
    seen.form.get_by_role("button", name="Approve").click()
    expect(seen.form.get_by_role("alert")).to_have_text("this plan waits no more (409).")
    adds = house.standing("defender")["waiting"]["adds"]
    expect(seen.target("defender")).to_contain_text(f"A plan waits: {adds} to add")
    seen.form.get_by_role("button", name="Cancel").click()

    approve.click()
    run(house.bounded(240, 30))
    seen.again()
    expect(seen.form).to_have_count(0)
    expect(seen.page.locator("#live")).to_contain_text("has changed")


def test_changes_are_read_as_far_back_as_one_likes(open_page, house):
    seen, known = open_page(), house.changes("defender")
    expect(seen.rows).to_have_count(50)
    expect(seen.page.locator("#changes-found")).to_have_text("50 changes; there are older ones")
    more = seen.page.get_by_role("button", name="Show more")
    more.click()
    expect(seen.rows).to_have_count(100)
    more.click()
    expect(seen.rows).to_have_count(known)
    expect(more).to_be_hidden()
    expect(seen.rows.last).to_contain_text(re.compile("came in Audit.*score 60"))

    # What is new comes on top; what was read stays.
    run(house.bounded(180))
    new = house.standing("defender")["last"]["added"]
    seen.again()
    expect(seen.rows).to_have_count(known + new)
    expect(seen.rows.last).to_contain_text(re.compile("came in Audit.*score 60"))


def test_changes_are_chosen_by_target_and_sort(open_page):
    seen = open_page()
    seen.page.get_by_label("Which changes").select_option("Failed")
    expect(seen.rows).to_have_count(1)  # the older ones are looked for, too
    expect(seen.rows.first).to_contain_text("add failed")
    expect(seen.rows.first).to_contain_text(LOCKED)
    seen.page.get_by_label("Changes of which target").select_option("Microsoft Sentinel")
    expect(seen.page.locator("#changes-none")).to_be_visible()
    seen.page.get_by_label("Which changes").select_option("Went out")
    expect(seen.rows).to_have_count(40)
    expect(seen.rows.first).to_contain_text("taken back")


def test_an_indicator_is_explained(open_page, house):
    seen = open_page()
    seen.page.keyboard.press("/")
    expect(seen.page.get_by_role("searchbox")).to_be_focused()
    shown = defanged(house.enforced)
    seen.explain(shown)
    expect(seen.explained.get_by_role("heading").first).to_have_text(shown)
    terms = seen.explained.get_by_role("table")
    expect(terms.get_by_role("columnheader")).to_have_text(
        ["Source", "Weight", "Reliability", "Confidence", "Age", "Left by age"]
    )
    expect(terms.get_by_role("rowheader", name=re.compile("^cins"))).to_be_visible()
    expect(terms).to_contain_text("grade C")
    expect(seen.explained).to_contain_text("has nothing against it")
    holder = seen.explained.locator("[data-holder=defender]")
    expect(holder).to_contain_text(re.compile(r"Audit since \d{4}-.* UTC, expires \d{4}-.* UTC"))

    gone = house.touched[1]
    seen.page.goto(f"{seen.page.url.split('#')[0]}#{gone}")
    expect(seen.explained.get_by_role("heading").first).to_have_text(defanged(gone))
    expect(seen.explained.locator("[data-holder=defender]")).to_contain_text("does not hold it")
    seen.page.go_back()
    expect(seen.explained.get_by_role("heading").first).to_have_text(shown)


def test_what_an_analyst_calls_harmless_is_retired(open_page, house):
    seen = open_page(house.enforced)
    expect(seen.explained.locator("[data-holder=defender]")).to_contain_text("since")
    seen.explained.get_by_role("button", name="Mark as harmless").click()
    expect(seen.form).to_contain_text("takes it out of every target")
    seen.form.get_by_label("Because").fill("our own scanner")
    seen.form.get_by_label("Your name").fill(ME)
    seen.page.keyboard.press("Enter")
    expect(seen.form).to_have_count(0)
    expect(seen.page.locator("#live")).to_contain_text("marked as harmless")
    expect(seen.explained).to_contain_text("marked as harmless")
    expect(seen.explained).to_contain_text(f"our own scanner, by {ME}")
    expect(seen.explained).to_contain_text("Score 0")
    run(house.world)
    seen.again()
    expect(seen.explained.locator("[data-holder=defender]")).to_contain_text("does not hold it")
    expect(seen.rows.first).to_contain_text("went out")
    expect(seen.rows.first).to_contain_text("our own scanner")
    assert house.enforced not in house.targets["defender"].held


def test_what_nobody_reported_may_be_called_malicious(open_page):
    seen = open_page(NOBODY_KNOWS, troubled=True)  # the browser tells of the 404
    expect(seen.explained).to_contain_text("Nobody has ever reported it.")
    seen.explained.get_by_role("button", name="Mark as malicious").click()
    seen.form.get_by_label("Because").fill("seen in an incident")
    seen.form.get_by_label("Your name").fill(ME)
    seen.page.keyboard.press("Enter")
    expect(seen.form).to_have_count(0)
    expect(seen.explained).to_contain_text("Score 100")
    expect(seen.explained).to_contain_text("marked as malicious")


def test_what_is_no_indicator_is_said_to_be_none(open_page):
    seen = open_page(troubled=True)
    seen.explain("not an indicator")
    expect(seen.page.locator("#explain-trouble")).to_contain_text("It cannot be explained")
    expect(seen.explained.get_by_role("button")).to_have_count(0)


def test_a_change_leads_to_its_explanation(open_page):
    seen = open_page()
    value = seen.rows.first.locator("code").inner_text()
    seen.rows.first.get_by_role("button").focus()
    seen.page.keyboard.press("Enter")
    expect(seen.explained.locator("h3")).to_have_text(value)
    expect(seen.page.get_by_role("searchbox")).not_to_have_value("")


def test_feeds_are_shown_with_and_without_measured_precision(open_page):
    seen = open_page()
    cins = seen.page.locator("[data-feed=cins]")
    expect(cins.locator(".precision")).to_have_text("\u2013")
    expect(cins.locator("svg.spark")).to_be_visible()
    expect(cins.locator(".indicators")).not_to_have_text("0")

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


def test_a_full_target_full_of_hostile_texts_stays_text(open_page):
    seen = open_page()
    seen.page.route("**/api/gate", lambda route: route.fulfill(json=full()))
    seen.page.route("**/api/gate/changes?*", made_up)
    seen.page.reload()
    defender = seen.target("defender")
    expect(defender.get_by_role("list", name="Places").get_by_role("listitem")).to_have_text(
        ["14,200 Ours", "600 Analysts\u2019", "200 Kept free", "0 Free", "of 15,000"]
    )
    expect(defender).to_contain_text("127 more are not listed")
    defender.get_by_text("6 more", exact=True).click()
    expect(defender.locator(".drift li")).to_have_count(10)
    expect(defender).to_contain_text(f"It broke off: {READ}.")
    expect(seen.target("sentinel")).to_contain_text(f"It could not be read: {READ}.")
    expect(seen.target("none")).to_contain_text("Nobody has looked at it yet.")
    expect(seen.rows.nth(3)).to_contain_text(READ.replace(".exe", ""))
    expect(seen.rows.nth(4)).to_contain_text("extend under way")
    link = seen.rows.nth(8).locator("code")
    expect(link).to_contain_text("hxxp://login[.]example/aaa")
    expect(link).to_contain_text("…")
    reason = seen.rows.first.locator("details")
    expect(reason.locator("p")).to_be_hidden()
    reason.locator("summary").click()
    expect(reason.locator("p")).to_contain_text("score fell below the bar")
    assert seen.page.locator("img").count() == 1  # our own sign
    assert seen.page.evaluate(OVERFLOW) <= 0


def test_a_hostile_answer_about_an_indicator_stays_text(open_page):
    seen = open_page()
    said = {"source": HOSTILE, "confidence": 100, "threat": HOSTILE, "tags": [HOSTILE], "tlp": "x"}
    said |= {"reference": "javascript:alert(1)", "first_seen": "never", "last_seen": None}
    answer = {"kind": "filename", "value": HOSTILE, "never_enforced": HOSTILE, "score": "high"}
    answer |= {"terms": [{"source": HOSTILE, "weight": 7, "uncounted": HOSTILE}, None]}
    answer |= {"marked": {"word": HOSTILE, "because": HOSTILE, "by": HOSTILE, "at": HOSTILE}}
    answer |= {"sightings": [said], "suppressed": [said | {"why": HOSTILE}], "expired": "none"}
    seen.page.route("**/api/indicators/**", lambda route: route.fulfill(json=answer))
    seen.explain("192.0.2.1")
    expect(seen.explained.locator("h3")).to_have_text(READ)
    expect(seen.explained.get_by_role("table")).to_contain_text(f"not counted: {READ}")
    expect(seen.explained).to_contain_text("javascript:alert(1)")
    assert seen.explained.locator("a").count() == 0
    assert seen.page.locator("img").count() == 1


def test_what_is_known_stays_when_the_server_goes(open_page, house):
    seen = open_page(house.enforced, troubled=True)
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


def test_a_server_that_says_less_is_understood(open_page):
    seen = open_page()
    less = {"targets": [{"name": "defender"}, {"held": -3, "churn": [None], "last": {}}]}
    seen.page.route("**/api/gate", lambda route: route.fulfill(json=less))
    seen.page.route("**/api/gate/changes?*", lambda route: route.fulfill(json={"items": [{}]}))
    seen.page.reload()
    expect(seen.target("defender").get_by_role("heading", name="defender")).to_be_visible()
    expect(seen.rows).to_have_count(1)


def test_words_in_a_form_outlive_an_answer_of_the_server(open_page, house):
    seen = open_page()
    seen.target("defender").get_by_role("button", name="Undo").click()
    seen.form.get_by_label("Why").fill("too")
    house.targets["defender"].held["198.51.100.252"] = Enforced(
        Kind.IPV4, "198.51.100.252", "Block", id="x"
    )
    run(house.world)
    seen.again()
    expect(seen.target("defender")).to_contain_text("3 Analysts\u2019")
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


def test_it_looks_as_it_should(open_page, house, tmp_path: Path):
    seen = open_page(house.enforced)
    expect(seen.explained.get_by_role("table")).to_be_visible()
    expect(seen.rows).to_have_count(50)
    expect(seen.page.locator("[data-feed=cins]")).to_be_visible()
    seen.target("defender").get_by_role("button", name="Undo").click()
    expect(seen.form).to_be_in_viewport()
    for width, scheme in product((1600, 360), ("dark", "light")):
        seen.page.set_viewport_size({"width": width, "height": 900})
        seen.page.emulate_media(color_scheme=scheme)
        shot = seen.page.screenshot(path=tmp_path / f"gate-{scheme}-{width}.png", full_page=True)
        assert len(shot) > 20_000
        assert seen.page.evaluate(OVERFLOW) <= 0


def test_no_barrier_is_found(open_page):
    seen = open_page("198.51.100.1")
    expect(
        seen.target("defender").get_by_role("heading", name="Microsoft Defender")
    ).to_be_visible()
    assert barriers(seen.page) == {}
