"""What an analyst does with the rows of the map: find, filter, list, look up, save."""

import csv
import json
import re
from pathlib import Path

import pytest
from map_site import Site, one_more, signin_failures, threat_actors, threat_indicators
from map_visit import ATLANTIC, NAIROBI, MapVisit, Open
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.slow

PLACE = {"Latitude": -1.29, "Longitude": 36.82, "GeoPrecision": "city", "GeoSource": "log"}
HOSTILE = '=HYPERLINK("https://evil.example/")\t<img src=x onerror=alert(1)>'
IN_CHINA = sum(
    row[dataset.columns.index("Country")] == "CN"
    for dataset in (signin_failures(3_000), threat_indicators(1_500))
    for row in dataset.rows
)


def shown(seen: MapVisit, rows: int) -> None:
    expect(seen.page.locator("#total")).to_have_text(f"{rows:,}")


def facet(seen: MapVisit, column: str) -> Locator:
    return seen.page.locator(".facet").filter(has=seen.page.locator("summary", has_text=column))


def test_two_filters_chosen_at_once_are_both_kept(seen: MapVisit):
    seen.page.click("#filters-tab")
    boxes = [
        facet(seen, "Country").get_by_role("checkbox", name="China"),
        facet(seen, "ResultType").get_by_role("checkbox", name="50126"),
    ]
    # Nothing is drawn in between.
    first, second = (box.element_handle() for box in boxes)
    seen.page.evaluate("boxes => boxes.forEach(box => box.click())", [first, second])
    expect(seen.page.locator("#chips")).to_contain_text("Country: China")
    expect(seen.page.locator("#chips")).to_contain_text("ResultType: 50126")


def test_facets_count_take_and_leave_out(seen: MapVisit):
    seen.page.click("#filters-tab")
    country, result = facet(seen, "Country"), facet(seen, "ResultType")
    china = country.get_by_role("checkbox", name="China")
    expect(country.locator("li").filter(has_text="China")).to_contain_text(f"{IN_CHINA}")
    before = result.locator("li").first.text_content() or ""
    china.focus()
    china.press("Space")
    shown(seen, IN_CHINA)
    expect(country.get_by_role("checkbox", name="United States")).to_be_visible()
    expect(result.locator("li").first).not_to_have_text(before)
    expect(country.get_by_role("checkbox", name="China")).to_be_focused()
    result.get_by_role("checkbox", name="50126").check()
    denied = seen.total()
    assert 0 < denied < IN_CHINA
    seen.page.click("#layers-tab")
    expect(seen.layer("threat_indicators")).to_contain_text("None of 1,500 rows selected")
    seen.page.get_by_role("button", name="Remove the filter ResultType: 50126").click()
    shown(seen, IN_CHINA)
    seen.page.click("#filters-tab")
    country.get_by_role("button", name="Leave out China").click()
    shown(seen, 4_500 - IN_CHINA)
    expect(seen.page.locator("#chips")).to_contain_text("not Country: China")
    country.get_by_text("Brazil").click(modifiers=["Alt"])
    expect(seen.page.locator("#chips")).to_contain_text("not Country: Brazil")
    country.get_by_role("button", name=re.compile("more")).click()
    country.get_by_role("searchbox").fill("nether")
    expect(country.locator("li")).to_have_count(1)
    country.get_by_role("button", name="Clear the filter on Country").click()
    shown(seen, 4_500)
    assert seen.complaints == []


def test_a_search_says_how_it_was_understood(visit: Open, site: Site):
    odd = {"Id": "odd", "IPAddress": "2001:0DB8:0::1", "UserPrincipalName": "Zoë@example.org"}
    site.publish(one_more(signin_failures(3_000), **PLACE, **odd), threat_indicators(1_500))
    seen = visit()
    shown(seen, 4_501)
    seen.brush(0.3, 0.7)
    seen.page.click("#clear")
    seen.page.keyboard.press("/")
    box, said = seen.page.get_by_role("searchbox", name="Search the rows"), "#search-said"
    expect(box).to_be_focused()
    for typed, told in [
        ("203.0.113.0/28", r"[1-9]\d* rows in 203\.0\.113\.0/28"),
        ("203[.]0[.]113[.]7", r"\d+ rows? with the address 203\.0\.113\.7"),
        ("2001:db8::1", r"^1 row with the address 2001:db8::1"),
        ("zoë@example.org", r"^1 row with the user"),
        ("netherlands", r"[1-9]\d* rows in Netherlands \(NL\)"),
        ("blocklist", r"[1-9]\d* rows with “blocklist”"),
        ("ResultType:700016", r"[1-9]\d* rows with “700016” in ResultType"),
        ("no such thing", r"^0 rows with"),
    ]:
        box.fill(typed)
        expect(seen.page.locator(said)).to_have_text(re.compile(told))
        assert seen.page.inner_text(said).startswith(seen.page.inner_text("#total"))
    box.press("Escape")
    shown(seen, 4_501)
    assert seen.complaints == []


def test_the_table_lists_exactly_what_is_selected(seen: MapVisit):
    page = seen.page
    page.keyboard.press("t")
    grid = page.locator(".grid")
    expect(grid).to_have_attribute("aria-rowcount", "4501")
    assert page.locator(".lines .line").count() < 40
    expect(grid).to_be_focused()
    page.keyboard.press("End")
    last = page.locator(".line.active")
    expect(last).to_have_attribute("aria-rowindex", "4501")
    oldest = last.inner_text()
    page.get_by_role("columnheader", name="Time").get_by_role("button").click()
    expect(page.locator("#table-sum")).to_have_text("4,500 rows, oldest first")
    expect(page.locator(".line.active")).to_have_attribute("aria-rowindex", "2")
    assert page.locator(".lines .line").first.inner_text() == oldest
    page.get_by_role("columnheader", name="Country").get_by_role("button").click()
    expect(page.locator("#table-sum")).to_have_text("4,500 rows, by Country")
    page.locator(".table summary").click()
    page.locator("#columns").get_by_text("ResultDescription").click()
    expect(page.get_by_role("columnheader", name="ResultDescription")).to_be_visible()
    page.locator("#stage").focus()
    for _ in range(4):
        page.keyboard.press("+")
    page.get_by_text("Only rows in view").click()
    expect(page.locator("#table-sum")).to_contain_text("in view")
    assert int(grid.get_attribute("aria-rowcount") or 0) < 3_000
    height = page.locator("#table").bounding_box()
    page.locator("#split").press("ArrowUp")
    assert page.locator("#table").bounding_box() != height
    page.keyboard.press("t")
    expect(page.locator("#table")).to_be_hidden()
    assert seen.complaints == []


def test_a_row_of_the_table_is_shown_on_the_map_with_or_without_a_place(seen: MapVisit):
    page = seen.page
    page.click("#table-toggle")
    page.keyboard.press("ArrowDown")
    row = page.locator(".line.active")
    cells = row.locator("[role=gridcell]").all_inner_texts()
    page.keyboard.press("Enter")
    card = page.locator("#card.pinned")
    expect(card.locator("summary .name").first).to_have_text(cells[2])
    expect(page.locator(".grid")).to_be_focused()
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    page.click("#tray-sum")
    button = page.locator("#tray-list button").first
    reason, count = button.inner_text().split("\n")
    assert reason == "private or reserved address"
    button.click()
    shown(seen, int(count))
    expect(page.locator("#table-sum")).to_have_text(f"{count} rows, newest first")
    expect(row).to_contain_text("none: private or reserved address")
    page.keyboard.press("Enter")
    expect(card).to_contain_text("Not located.")
    page.get_by_role("button", name="Clear all").click()
    shown(seen, 4_500)


def test_a_pinned_row_can_be_copied_looked_up_and_filtered_by(visit: Open, site: Site):
    event = {
        "TimeGenerated": "2099-01-01T00:00:00.0000000Z",
        "Id": "hostile",
        "UserPrincipalName": HOSTILE,
        "IPAddress": "1.1.1.1",
        "ResultDescription": "https://evil.example/<x>",
    }
    site.publish(one_more(signin_failures(3_000), **event, **PLACE))
    seen = visit(permissions=["clipboard-read", "clipboard-write"])
    shown(seen, 3_001)
    seen.page.mouse.click(*seen.point_at(*NAIROBI))
    card = seen.page.locator("#card.pinned")
    links = {a.inner_text(): a.get_attribute("href") for a in card.locator("dd a").all()}
    assert links["AbuseIPDB ↗"] == "https://www.abuseipdb.com/check/1.1.1.1"
    for link in card.locator("dd a").all():
        assert link.get_attribute("rel") == "noopener noreferrer"
        assert re.match(r"https://|/gate\.html#", link.get_attribute("href") or "")
    card.get_by_role("button", name="Copy UserPrincipalName").click()
    assert seen.page.evaluate("() => navigator.clipboard.readText()") == HOSTILE
    card.get_by_role("button", name="Grouped").click()
    expect(card.locator(".group")).not_to_have_count(0)
    card.get_by_role("button", name="Grouped").click()
    card.get_by_role("button", name="Only rows with this UserPrincipalName").first.click()
    shown(seen, 1)
    seen.page.locator("#chips button").click()
    card.get_by_role("button", name="No rows with this UserPrincipalName").first.click()
    shown(seen, 3_000)
    assert all(url.startswith((site.url, "blob:")) for url in seen.requests)
    assert seen.complaints == []


def saved(seen: MapVisit, form: str, folder: Path, *options: str) -> Path:
    """Saves in a format, and returns the file under the name that it was given."""
    seen.page.click("#export")
    seen.page.locator(f"[name=format][value={form}]").check()
    for option in options:
        seen.page.get_by_text(option).click()
    with seen.page.expect_download() as download:
        seen.page.click("#save-go")
    expect(seen.page.locator("#save")).to_be_hidden()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_what_is_selected_is_saved(visit: Open, site: Site, tmp_path: Path):
    signins = one_more(signin_failures(3_000), Id="h", UserPrincipalName=HOSTILE, **PLACE)
    site.publish(signins, threat_indicators(1_500))
    seen = visit()
    shown(seen, 4_501)
    seen.layer("threat_indicators").get_by_role("switch").uncheck()
    seen.page.fill("#search", "HYPERLINK")
    shown(seen, 1)
    tsv = saved(seen, "tsv", tmp_path)
    assert re.fullmatch(r"tidegate-signin_failures-\d{8}T\d{4}Z-\d{8}T\d{4}Z\.tsv", tsv.name)
    head, _, tail = signins.payload.partition(b"\n")
    assert tsv.read_bytes() == head + b"\n" + tail.splitlines(keepends=True)[-1]
    seen.page.fill("#search", "")
    shown(seen, 3_001)
    sheet = saved(seen, "csv", tmp_path, "Defang")
    assert sheet.read_bytes().startswith(b"\xef\xbb\xbfTimeGenerated,")
    with sheet.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 3_001
    assert rows[0]["UserPrincipalName"].startswith("'=HYPERLINK(")
    assert rows[0]["Latitude"] == "-1.29"
    assert re.match(r"203\[\.\]0\[\.\]113", rows[1]["IPAddress"])
    points = json.loads(saved(seen, "geojson", tmp_path).read_text())
    assert len(points["features"]) == 3_001 - points["unlocated"]
    assert points["features"][0]["geometry"] == {"type": "Point", "coordinates": [36.82, -1.29]}
    picture = saved(seen, "png", tmp_path).read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 50_000
    assert seen.complaints == []


def test_actors_are_listed_by_country_and_opened_from_the_map(visit: Open, site: Site):
    site.publish(signin_failures(3_000), threat_actors())
    seen = visit()
    shown(seen, 3_011)
    seen.brush(0.4, 0.6)
    expect(seen.layer("threat_actors").locator(".count")).to_have_text("11")
    seen.page.mouse.click(*seen.point_at(-41, 75))  # Greenland: no actor
    expect(seen.page.locator("#actors")).to_be_hidden()
    seen.page.mouse.click(*seen.point_at(101, 38))  # inside China, on no point
    panel = seen.page.locator("#actors")
    expect(panel.locator("#actors-sum")).to_have_text("11 actors in 2 countries")
    card = panel.locator(".actor").first
    expect(card).to_contain_text('Idle Goblet "0"')
    expect(card.locator("a")).to_have_count(1)
    expect(card.locator("a")).to_have_attribute("href", "https://intel.example/actors/1")
    seen.page.fill("#actors-search", "funnel")
    expect(panel.locator("#actors-sum")).to_have_text("1 actor in 1 country")
    panel.get_by_role("button", name="Search in table").click()
    expect(seen.page.locator(".grid")).to_have_attribute("aria-rowcount", "2")
    seen.page.mouse.click(*seen.point_at(*ATLANTIC))
    assert seen.complaints == []
