"""The page of the feeds in a real browser, on the real server with a month of runs."""

import json
import re
from collections.abc import Callable, Iterator
from urllib.request import urlopen

import pytest
from axe import barriers
from feeds_house import BODIES, SHOWN, FeedsHouse, feeds_house, live_through_a_month
from map_site import DIST
from playwright.sync_api import Browser, Locator, expect
from prometheus_client.parser import text_string_to_metric_families
from visit import Visit, visiting

pytestmark = pytest.mark.slow

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeedsHouse]:
    if not (DIST / "feeds.html").is_file():
        pytest.fail("the page is not built: run `npm ci && npm run build` in web/")
    home = tmp_path_factory.mktemp("month")
    live_through_a_month(home)
    with feeds_house(home, DIST) as running:
        yield running


class FeedsVisit(Visit):
    """The page of the feeds."""

    def line(self, feed: str) -> Locator:
        return self.page.locator(f"tbody[data-feed={feed}]")

    def names(self) -> list[str]:
        return self.page.locator("#worth .name").all_inner_texts()


@pytest.fixture
def open_page(browser: Browser, house: FeedsHouse) -> Iterator[Callable[..., FeedsVisit]]:
    with visiting(browser, house.url, FeedsVisit) as go:
        yield lambda path="/feeds.html", **more: go(path, **more)


def test_the_page_says_what_feeds_are_worth(open_page, house):
    seen = open_page()
    expect(seen.line("emerging_threats")).to_contain_text("Drop it")
    expect(seen.line("emerging_threats")).to_contain_text("0 % unique")
    expect(seen.line("blocklist_de")).to_contain_text("known harmless")
    expect(seen.line("spamhaus_drop")).to_contain_text("in quarantine: 20 of")
    expect(seen.line("tor_exits")).to_contain_text("connection refused")
    expect(seen.line("cins")).to_contain_text("Keep it")
    expect(seen.line("abuseipdb")).to_contain_text("Too early to say")
    expect(seen.page.locator("#tiles .drop dd")).to_have_text("2")
    expect(seen.page.locator("#status")).to_contain_text("Live")

    # Every drawing has its words, and the refused fetches their marks.
    curves = seen.page.locator("svg.spark")
    expect(curves).to_have_count(len(SHOWN))
    assert all(curves.nth(at).get_attribute("aria-label") for at in range(len(SHOWN)))
    expect(seen.line("spamhaus_drop").locator(".refused")).to_have_count(2)
    expect(seen.line("cins").locator(".line")).to_have_count(1)

    heat = seen.page.locator("#overlap tbody tr", has_text="emerging_threats")
    expect(heat.locator("td")).to_have_text(["", "100", "", "100"])
    expect(seen.page.locator("#apart")).to_contain_text("openphish")

    assert seen.complaints == []
    assert all(url.startswith(house.url) for url in seen.requests)


def test_the_keyboard_sorts_and_opens_and_keeps_its_place(open_page):
    seen = open_page()
    expect(seen.line("cins")).to_be_visible()
    first = seen.names()
    assert first[:2] == ["emerging_threats", "ipsum"]
    head = seen.page.get_by_role("columnheader", name="Indicators")
    head.get_by_role("button").focus()
    seen.page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    assert seen.names()[0] == "openphish"
    seen.page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "ascending")

    name = seen.page.get_by_role("button", name="cins")
    name.focus()
    seen.page.keyboard.press("Enter")
    expect(name).to_have_attribute("aria-expanded", "true")
    expect(seen.line("cins")).to_contain_text("Requests per run")
    seen.page.evaluate("window.dispatchEvent(new Event('online'))")  # asks again
    seen.page.wait_for_timeout(500)
    expect(name).to_be_focused()
    expect(name).to_have_attribute("aria-expanded", "true")


def test_it_is_a_table_for_those_who_cannot_see_it_also_on_a_narrow_screen(open_page):
    seen = open_page(width=390)
    expect(seen.line("cins")).to_be_visible()
    table = seen.page.get_by_role("table", name=re.compile(".*")).first
    assert table.get_by_role("row").count() >= len(SHOWN)
    expect(table.get_by_role("rowheader", name="cins")).to_be_visible()
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert seen.complaints == []


def test_what_is_known_stays_when_the_server_goes(open_page, house):
    seen = open_page(troubled=True)
    expect(seen.line("cins")).to_be_visible()
    house.close()
    seen.page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(seen.page.locator("#status")).to_have_text(
        re.compile(r"Offline, as of \d{4}-\d\d-\d\d \d\d:\d\d UTC: the server cannot be reached")
    )
    expect(seen.line("cins")).to_be_visible()
    house.open()
    seen.page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(seen.page.locator("#status")).to_contain_text("Live")


def test_without_an_answer_it_says_so_and_tries_again(open_page, house, browser):
    context = browser.new_context()
    page = context.new_page()
    page.route("**/api/feeds/value", lambda route: route.fulfill(status=503))
    page.goto(f"{house.url}/feeds.html")
    expect(page.locator("#notice")).to_contain_text("the server answered 503")
    page.unroute("**/api/feeds/value")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator("tbody[data-feed=cins]")).to_be_visible()
    context.close()


def test_texts_of_others_stay_texts(house, browser):
    with urlopen(f"{house.url}/api/feeds/value") as answer:  # noqa: S310 - our own server
        told = json.load(answer)
    told["feeds"][0] |= {"because": HOSTILE, "title": HOSTILE}
    told["feeds"][0]["history"]["reason"] = HOSTILE
    context = browser.new_context()
    seen = FeedsVisit(context.new_page())
    seen.page.route("**/api/feeds/value", lambda route: route.fulfill(json=told))
    seen.page.goto(f"{house.url}/feeds.html")
    expect(seen.line(told["feeds"][0]["feed"])).to_contain_text(HOSTILE)
    assert seen.page.locator("img").count() == 1  # our own sign
    assert seen.complaints == []
    context.close()


def test_the_two_pages_lead_to_each_other(open_page):
    seen = open_page("/")
    seen.page.get_by_role("link", name="Feeds").click()
    expect(seen.line("cins")).to_be_visible()
    seen.page.get_by_role("link", name="Map").click()
    expect(seen.page.locator("#stage")).to_be_visible()


def test_the_real_server_is_scraped(house: FeedsHouse):
    for path in ("/api/feeds/value", "/api/indicators/192.0.2.1", "/api/nothing/evil.example"):
        try:
            urlopen(house.url + path).close()  # noqa: S310 - our own server
        except OSError:
            continue
    with urlopen(f"{house.url}/api/metrics") as answer:  # noqa: S310 - our own server
        text = answer.read().decode()
    families = {one.name: one for one in text_string_to_metric_families(text)}
    ages = {sample.labels["feed"] for sample in families["tidegate_feed_age_seconds"].samples}
    assert ages == set(BODIES)
    held = families["tidegate_feed_quarantined"].samples
    assert {one.labels["feed"] for one in held if one.value} == {"spamhaus_drop"}
    routes = {
        sample.labels["http_route"]
        for sample in families["http_server_request_duration_seconds"].samples
    }
    assert "/api/feeds/value" in routes
    assert "evil" not in text
    assert "192.0.2.1" not in text


def test_no_barrier_is_found(open_page):
    seen = open_page()
    expect(seen.line("emerging_threats")).to_contain_text("Drop it")
    assert barriers(seen.page) == {}
