"""The map page in a real browser, under the headers of production."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from map_site import GEO, Dataset, Site, one_more, signin_failures, threat_indicators
from map_visit import ATLANTIC, NAIROBI, MapVisit, Open, wake
from playwright.sync_api import expect

pytestmark = pytest.mark.slow

HOSTILE = "<img src=x onerror=alert(1)>"
LONG = "x" * 5_000
RTL = "مرحبا \u202e exe.txt"


def test_nothing_breaks_the_policy_and_nobody_else_is_asked(seen: MapVisit, site: Site):
    seen.page.locator("#stage").focus()
    for _ in range(3):
        seen.page.keyboard.press("+")  # fetches the finer map
    seen.page.mouse.move(*seen.point_at(*NAIROBI))
    seen.page.select_option("#theme", "light")
    seen.brush(0.2, 0.6)
    seen.page.wait_for_timeout(500)
    assert seen.complaints == []
    own = [url for url in seen.requests if url.startswith(site.url)]
    assert own == seen.requests
    assert any("world-50m" in url for url in own)
    assert any(".worker" in url for url in own)


def test_the_policy_is_on_and_unknown_addresses_are_not_the_page(seen: MapVisit, site: Site):
    answer = seen.page.request.get(site.url)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert seen.page.request.get(site.url + "no/such/page").status == 404
    seen.page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "document.title = 'ran'";
          document.head.append(script);
        }"""
    )
    assert seen.page.title() == "Map · Tidegate"
    assert "Content Security Policy" in seen.complaints[0]


def test_both_layers_are_drawn_with_their_freshness(seen: MapVisit):
    pixels = seen.pixels()
    assert pixels["warm"] > 500
    assert pixels["cold"] > 500
    assert seen.pixels("ground")["lit"] > 300_000
    signins = seen.layer("signin_failures")
    expect(signins).to_contain_text("Sign-in failures")
    expect(signins).to_contain_text("synthetic")
    expect(signins).to_contain_text(re.compile(r"refreshed (just now|\d+ s ago)"))
    expect(signins).to_contain_text(re.compile(r"\d+ unlocated"))
    expect(seen.page.locator("#status")).to_contain_text("Live")
    expect(seen.page.locator("#range")).to_contain_text("UTC")


def test_a_layer_can_be_switched_off_and_on(seen: MapVisit):
    before = seen.pixels()
    switch = seen.layer("signin_failures").get_by_role("switch")
    switch.uncheck()
    expect(seen.page.locator("#total")).to_have_text("1,500")
    without = seen.pixels()
    assert without["warm"] < before["warm"] / 10
    assert without["cold"] > 0
    switch.check()
    expect(seen.page.locator("#total")).to_have_text("4,500")
    assert seen.pixels() == before


def test_the_wheel_zooms_at_the_pointer_and_a_drag_moves_the_map(seen: MapVisit):
    start = seen.point_at(*NAIROBI)
    seen.page.mouse.move(*start)
    before = seen.pixels("ground")
    seen.page.mouse.wheel(0, -800)
    assert seen.pixels("ground") != before
    assert seen.view()[2] > 3
    # The browser rounds the pointer to whole pixels, which four times closer are four.
    assert seen.point_at(*NAIROBI) == pytest.approx(start, abs=4)
    start = seen.point_at(*NAIROBI)
    seen.drag(start, (start[0] - 150, start[1] - 90))
    assert seen.point_at(*NAIROBI) == pytest.approx((start[0] - 150, start[1] - 90), abs=2)
    expect(seen.page.locator("#card")).not_to_have_class(re.compile("pinned"))


def test_keys_move_zoom_and_reset(seen: MapVisit):
    seen.page.locator("#stage").focus()
    home = seen.view()
    seen.page.keyboard.press("+")
    seen.page.keyboard.press("+")
    closer = seen.view()
    assert closer[2] == pytest.approx(2.25)
    for key, axis, sign in [
        ("ArrowRight", 0, 1),
        ("ArrowDown", 1, 1),
        ("ArrowLeft", 0, -1),
        ("ArrowUp", 1, -1),
    ]:
        before = seen.view()
        seen.page.keyboard.press(key)
        assert (seen.view()[axis] - before[axis]) * sign > 0
    seen.page.keyboard.press("-")
    assert seen.view()[2] == pytest.approx(1.5)
    seen.page.keyboard.press("0")
    assert seen.view() == home
    seen.page.click("#closer")
    seen.page.click("#reset")
    assert seen.view() == home


def hostile(dataset: Dataset) -> Dataset:
    return one_more(
        dataset,
        TimeGenerated="2099-01-01T00:00:00.0000000Z",
        Id="hostile",
        UserPrincipalName=HOSTILE,
        ResultType="50126",
        ResultDescription=LONG,
        AppDisplayName=RTL,
        City="two\nlines\tand \\N",
        Risk="",
        Latitude=-1.29,
        Longitude=36.82,
        Country="KE",
        GeoPrecision="city",
        GeoSource="log",
    )


def test_a_hovered_row_shows_every_field_and_hostile_text_stays_text(visit: Open, site: Site):
    site.publish(hostile(signin_failures(3_000)), threat_indicators(1_500))
    seen = visit()
    expect(seen.page.locator("#total")).to_have_text("4,501")
    seen.page.mouse.move(*seen.point_at(*NAIROBI))
    card = seen.page.locator("#card")
    expect(card).to_be_visible()
    expect(card.locator("summary").first).to_contain_text(HOSTILE)
    names = card.locator("dt").all_inner_texts()
    assert [name.removesuffix(" (UTC)") for name in names[1:]] == signin_failures(0).columns
    values = dict(zip(names, card.locator("dd").all_text_contents(), strict=True))
    assert values["UserPrincipalName"] == HOSTILE
    assert values["ResultDescription"] == LONG
    assert values["AppDisplayName"] == RTL
    assert values["City"] == "two\nlines\tand \\N"
    assert (values["IPAddress"], values["Risk"]) == ("no value", "empty")
    assert card.locator("img").count() == 0
    assert seen.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert seen.complaints == []


def test_rows_of_one_place_are_all_listed_and_can_be_kept(seen: MapVisit):
    seen.page.mouse.move(*seen.point_at(*NAIROBI))
    card = seen.page.locator("#card")
    rows = int(re.findall(r"([\d,]+) rows", card.locator("header").inner_text())[0])
    assert rows > 6
    expect(card).to_contain_text("Kenya")
    expect(card).to_contain_text(f"and {rows - 5} more")
    seen.page.mouse.click(*seen.point_at(*NAIROBI))
    seen.page.mouse.move(*seen.point_at(*ATLANTIC))
    assert card.locator("summary").count() == min(rows, 50)
    assert card.locator("dl").count() == 1
    card.locator("summary").nth(1).click()
    expect(card.locator("dl")).to_have_count(2)
    seen.page.keyboard.press("Escape")
    expect(card).to_be_hidden()


def test_the_keyboard_reaches_rows_too(seen: MapVisit):
    seen.page.mouse.move(*seen.point_at(*NAIROBI))
    for _ in range(6):
        seen.page.mouse.wheel(0, -400)
    seen.page.mouse.move(5, 5)
    stage = seen.page.locator("#stage")
    stage.focus()
    box = stage.bounding_box()
    assert box is not None
    x, y = seen.point_at(*NAIROBI)
    seen.drag(
        (x + 60, y + 60), (box["x"] + box["width"] / 2 + 60, box["y"] + box["height"] / 2 + 60)
    )
    seen.page.keyboard.press("Enter")
    expect(seen.page.locator("#card.pinned")).to_contain_text("Kenya")


def test_the_brush_filters_rows_and_can_be_cleared(seen: MapVisit):
    before = seen.pixels()
    seen.brush(0.4, 0.6)
    expect(seen.page.locator("#clear")).to_be_visible()
    some = seen.total()
    assert 0 < some < 2_000
    assert seen.pixels()["sum"] != before["sum"]
    shown = re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d", seen.page.inner_text("#range"))
    start, end = (datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC) for text in shown)
    assert timedelta(hours=10) < end - start < timedelta(hours=20)
    seen.page.get_by_role("slider").last.press("ArrowRight")
    assert seen.total() >= some
    seen.brush(0.5, 0.8)  # takes hold of the middle and moves it
    assert seen.total() != some
    seen.page.click("#clear")
    expect(seen.page.locator("#total")).to_have_text("4,500")
    assert seen.pixels() == before


def test_the_last_hours_move_along_with_new_rows(seen: MapVisit, site: Site):
    seen.page.get_by_role("button", name="24 h").click()
    assert 0 < seen.total() < 4_500
    later = (datetime.now(UTC) + timedelta(hours=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    site.publish(
        one_more(signin_failures(3_000), TimeGenerated=later, Id="late", GeoPrecision="none")
    )
    wake(seen.page)
    expect(seen.page.locator("#total")).to_have_text("1")
    expect(seen.page.locator("#total-note")).to_have_text("row shown, 1 unlocated")


def test_a_new_version_is_loaded_and_the_rest_is_left_alone(seen: MapVisit, site: Site):
    seen.page.mouse.click(*seen.point_at(*NAIROBI))
    indicators = threat_indicators(1_500)
    site.publish(one_more(signin_failures(3_000), Id="new", GeoPrecision="none"), indicators)
    seen.requests.clear()
    wake(seen.page)
    expect(seen.page.locator("#total")).to_have_text("4,501")
    files = [url for url in seen.requests if url.endswith(".tsv")]
    assert [url.rsplit("/", 2)[-2:] for url in files] == [["signin_failures", "v2.tsv"]]
    expect(seen.page.locator("#card.pinned")).to_contain_text("Kenya")


def test_the_server_is_asked_every_minute(visit: Open, site: Site):
    seen = visit()
    expect(seen.page.locator("#total")).to_have_text("4,500")
    seen.page.clock.install()
    wake(seen.page)  # the timer of before ran on the real clock
    seen.page.wait_for_timeout(200)
    seen.requests.clear()
    for _ in range(3):
        seen.page.clock.run_for(61_000)
        seen.page.wait_for_timeout(200)
    assert seen.requests == [f"{site.url}api/datasets"] * 3


def test_a_dataset_that_is_gone_leaves_the_map(seen: MapVisit, site: Site):
    site.publish(signin_failures(3_000))
    wake(seen.page)
    expect(seen.page.locator("#total")).to_have_text("3,000")
    expect(seen.page.locator(".layer")).to_have_count(1)


def test_a_dead_server_is_said_and_data_stay(seen: MapVisit, site: Site):
    site.down = True
    wake(seen.page)
    expect(seen.page.locator("#status")).to_contain_text(
        re.compile("Offline, as of .* UTC: the server answered 503")
    )
    assert seen.total() == 4_500
    assert seen.pixels()["lit"] > 1_000
    expect(seen.page.locator("#notice")).to_be_hidden()


def test_a_server_that_is_down_from_the_start_is_asked_again(visit: Open, site: Site):
    # The page itself comes from elsewhere on Azure, so only the API is down here.
    answer = site.answer
    site.answer = lambda path: (  # type: ignore[method-assign]
        (503, {"Content-Type": "text/plain"}, b"down") if "/api/" in path else answer(path)
    )
    seen = visit()
    expect(seen.page.locator("#notice")).to_contain_text("the server answered 503")
    expect(seen.page.locator("#status")).to_have_attribute("data-state", "offline")
    site.answer = answer  # type: ignore[method-assign]
    seen.page.get_by_role("button", name="Try again").click()
    expect(seen.page.locator("#total")).to_have_text("4,500")
    expect(seen.page.locator("#notice")).to_be_hidden()


def test_a_file_that_is_not_the_announced_one_is_refused(visit: Open, site: Site):
    broken = signin_failures(100)
    site.publish(broken, threat_indicators(1_500))
    site.listing = site.listing.replace(broken.announced()["sha256"].encode(), b"0" * 64)
    seen = visit()
    expect(seen.page.locator("#total")).to_have_text("1,500")
    expect(seen.layer("signin_failures")).to_contain_text("not the one that was announced")


@pytest.mark.parametrize(
    ("datasets", "said"),
    [
        ([], "No datasets"),
        ([replace(signin_failures(0), version=None)], "Nothing to show"),
        ([signin_failures(0)], "Nothing to show"),
    ],
    ids=["none declared", "never refreshed", "no rows"],
)
def test_emptiness_is_explained(visit: Open, site: Site, datasets: list[Dataset], said: str):
    site.publish(*datasets)
    seen = visit()
    expect(seen.page.locator("#notice")).to_contain_text(said)
    assert seen.complaints == []


def test_stale_and_partial_data_say_so(visit: Open, site: Site):
    old = datetime.now(UTC) - timedelta(days=2)
    site.publish(replace(signin_failures(50), refreshed=old, partial=True))
    layer = visit().layer("signin_failures")
    expect(layer).to_contain_text("stale: refreshed 2 d ago")
    expect(layer).to_contain_text("partial")


def test_a_country_is_a_ring_and_says_so(visit: Open, site: Site):
    base = signin_failures(0)
    geo = dict(zip(GEO, [-10.8, -53.1, "BR", "country", "country-table"], strict=True))
    site.publish(one_more(base, TimeGenerated="2026-01-01T00:00:00Z", Id="1", **geo))
    seen = visit()
    expect(seen.page.locator("#total")).to_have_text("1")
    seen.page.mouse.move(*seen.point_at(-53.1, -10.8))
    expect(seen.page.locator("#card")).to_contain_text("Only the country is known")
    expect(seen.page.locator("#card")).to_contain_text("Brazil")


def test_dark_and_light_follow_the_system_until_told_otherwise(visit: Open):
    dark, light = visit(), visit(color_scheme="light")
    for seen in (dark, light):
        expect(seen.page.locator("#total")).to_have_text("4,500")
    grounds = [seen.pixels("ground")["sum"] for seen in (dark, light)]
    points = [seen.pixels()["sum"] for seen in (dark, light)]
    assert grounds[0] != grounds[1]
    assert points[0] != points[1]
    dark.page.select_option("#theme", "light")
    assert dark.pixels("ground")["sum"] == grounds[1]
    assert dark.pixels()["sum"] == points[1]
    dark.page.reload()
    expect(dark.page.locator("#total")).to_have_text("4,500")
    assert dark.pixels("ground")["sum"] == grounds[1]


@pytest.mark.parametrize(("width", "height"), [(390, 844), (320, 568), (760, 500)])
def test_narrow_screens_do_not_scroll_sideways(visit: Open, width: int, height: int):
    seen = visit(width, height, has_touch=True, device_scale_factor=2)
    expect(seen.page.locator("#total")).to_have_text("4,500")
    assert seen.page.evaluate("() => document.documentElement.scrollWidth") == width
    assert seen.pixels()["lit"] > 500
    seen.page.touchscreen.tap(*seen.point_at(*NAIROBI))
    card = seen.page.locator("#card.pinned")
    box = card.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


def test_a_resized_window_and_a_finer_screen_keep_the_map_sharp(visit: Open):
    seen = visit(1200, 800, device_scale_factor=2)
    expect(seen.page.locator("#total")).to_have_text("4,500")
    size = "canvas => [canvas.width / canvas.clientWidth, canvas.height / canvas.clientHeight]"
    assert seen.page.locator("#points").evaluate(size) == [2, 2]
    seen.page.set_viewport_size({"width": 1000, "height": 700})
    assert seen.pixels()["lit"] > 1_000
    assert seen.page.locator("#points").evaluate(size) == [2, 2]


def test_a_hidden_page_does_not_ask(visit: Open, site: Site):
    seen = visit()
    expect(seen.page.locator("#total")).to_have_text("4,500")
    seen.requests.clear()
    seen.page.evaluate(
        """() => {
          Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
          document.dispatchEvent(new Event("visibilitychange"));
          window.dispatchEvent(new Event("online"));
        }"""
    )
    seen.page.wait_for_timeout(200)
    assert seen.requests == []
    seen.page.evaluate(
        """() => {
          delete document.hidden;
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    seen.page.wait_for_timeout(200)
    assert seen.requests == [f"{site.url}api/datasets"]


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_screenshot(visit: Open, site: Site, tmp_path: Path, scheme: str):
    site.publish(signin_failures(12_000), threat_indicators(4_000, seed=9))
    seen = visit(color_scheme=scheme)
    expect(seen.page.locator("#total")).to_have_text("16,000")
    seen.page.mouse.move(*seen.point_at(*NAIROBI))
    expect(seen.page.locator("#card")).to_be_visible()
    picture = tmp_path / f"map-{scheme}.png"
    seen.page.screenshot(path=picture)
    assert picture.stat().st_size > 50_000
