"""How the map page draws: clusters, heat, countries, arcs and the night, in a real browser."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from map_site import Site, leading, one_more, signin_failures, threat_indicators, weighted
from map_visit import NAIROBI, MapVisit, Open
from playwright.sync_api import expect

pytestmark = pytest.mark.slow

AMSTERDAM, SEATTLE = (52.37, 4.9), (47.61, -122.33)
TOKYO = (139.69, 35.68)
PACIFIC = (-150.0, 0.0)
OUTBACK = (134.0, -25.0)  # Australia, where no row is


def draw(seen: MapVisit, drawing: str) -> None:
    seen.page.locator(f"label:has([value={drawing}])").click()
    seen.frame()


def lit_at(seen: MapVisit, canvas: str, longitude: float, latitude: float) -> list[int]:
    """The colour of a canvas at a place: red, green, blue, alpha."""
    x, y = seen.point_at(longitude, latitude)
    return seen.page.locator(f"#{canvas}").evaluate(
        """(canvas, [x, y]) => {
          const box = canvas.getBoundingClientRect();
          const ratio = canvas.width / box.width;
          const [px, py] = [(x - box.left) * ratio, (y - box.top) * ratio];
          return [...canvas.getContext("2d").getImageData(px, py, 1, 1).data];
        }""",
        [x, y],
    )


def test_clusters_are_counted_looked_into_and_in_the_end_listed(seen: MapVisit):
    draw(seen, "clusters")
    seen.page.mouse.move(*seen.point_at(*NAIROBI))
    card = seen.page.locator("#card")
    expect(card).to_contain_text("Cluster")
    rows = re.findall(r"([\d,]+) rows", card.locator("header").inner_text())
    seen.page.mouse.move(*seen.point_at(4.9, 52.4))
    expect(card).to_contain_text(re.compile(r"[\d,]{3,} rows"))
    seen.page.mouse.click(*seen.point_at(4.9, 52.4))
    assert seen.view()[2] > 1.4
    expect(seen.page.locator("#card.pinned")).to_be_hidden()
    seen.page.click("#reset")
    seen.page.mouse.click(*seen.point_at(*NAIROBI))  # all of them share one place
    expect(seen.page.locator("#card.pinned header")).to_contain_text(rows[0])
    assert seen.complaints == []


def test_the_keyboard_goes_from_cluster_to_cluster(seen: MapVisit):
    draw(seen, "clusters")
    rove = seen.page.locator(".rove")
    seen.page.locator("#stage").focus()
    seen.page.keyboard.press("Tab")
    expect(rove).to_be_focused()
    expect(seen.page.locator("#card")).to_contain_text("Cluster")
    first = rove.get_attribute("aria-label")
    box = rove.bounding_box()
    seen.page.keyboard.press("ArrowLeft")
    moved = rove.bounding_box()
    assert box is not None
    assert moved is not None
    assert moved["x"] < box["x"]
    assert rove.get_attribute("aria-label") != first
    seen.page.keyboard.press("Enter")  # looks closer, or lists the rows of one place
    seen.frame()
    assert seen.view()[2] > 1 or seen.page.locator("#card.pinned").is_visible()


def test_heat_glows_where_rows_are_and_says_what_its_colours_mean(seen: MapVisit):
    draw(seen, "heat")
    assert lit_at(seen, "points", *TOKYO)[3] > 100
    assert lit_at(seen, "points", *PACIFIC)[3] == 0
    legend = seen.page.locator("#legend")
    expect(legend).to_contain_text("Rows around one spot")
    most = legend.locator(".ticks li").last.inner_text()
    seen.brush(0.4, 0.45)
    expect(legend.locator(".ticks li").last).not_to_have_text(most)
    seen.page.mouse.click(*seen.point_at(*TOKYO))
    expect(seen.page.locator("#card.pinned")).to_contain_text("Japan")


def test_countries_are_coloured_by_share_in_steps_that_the_legend_names(seen: MapVisit):
    land = lit_at(seen, "ground", -100, 40)
    draw(seen, "countries")
    assert seen.pixels("points")["lit"] == 0
    assert lit_at(seen, "ground", -100, 40) != land
    assert lit_at(seen, "ground", *OUTBACK) != lit_at(seen, "ground", -100, 40)
    expect(seen.page.locator("#legend .classes li").last).to_contain_text("or more")
    expect(seen.page.locator("#legend")).to_contain_text(
        re.compile(r"In no country of this map: \d+ rows")
    )
    seen.page.mouse.move(*seen.point_at(-100, 40))
    card = seen.page.locator("#card")
    expect(card).to_contain_text("United States of America")
    expect(card).to_contain_text(re.compile(r"[\d,]+ rows, \d+% of all"))
    seen.page.mouse.move(*seen.point_at(103.8, 1.35))  # too small for the coarse map, so a disc
    expect(card).to_contain_text("Singapore")
    seen.page.mouse.move(*seen.point_at(17, 27))
    expect(seen.page.locator("#readout")).to_contain_text("Libya · no rows")


def test_countries_are_compared_with_the_period_before(seen: MapVisit):
    draw(seen, "countries")
    seen.page.get_by_role("button", name="Change").click()
    expect(seen.page.locator("#legend")).to_contain_text("Nothing to compare with")
    seen.brush(0.6, 0.8)
    expect(seen.page.locator("#legend .classes li")).to_have_count(5)
    seen.page.mouse.move(*seen.point_at(-100, 40))
    expect(seen.page.locator("#card")).to_contain_text(
        re.compile(r"in the period before \(\D?[\d.]+%\)")
    )


def test_arcs_take_the_short_way_and_their_lights_can_be_stopped(visit: Open, site: Site):
    site.publish(leading(signin_failures(1_000), [SEATTLE]), threat_indicators(1_500))
    seen = visit()
    expect(seen.page.locator("#total")).to_have_text("2,500")
    assert seen.page.locator("#lines").is_hidden()
    seen.page.click("#arcs")
    seen.frame()
    # From Tokyo to Seattle over the Pacific, so through both edges of the map.
    assert seen.pixels("lines")["lit"] > 1_000
    column = "(canvas, x) => canvas.getContext('2d').getImageData(x, 0, 1, canvas.height).data"
    for edge in (150, 990):
        pixels = seen.page.locator("#lines").evaluate(f"(c, x) => [...({column})(c, x)]", edge)
        assert any(pixels)
    expect(seen.page.locator("#legend")).to_contain_text(re.compile(r"All \d+ lines"))
    moving = [seen.pixels("marks")["sum"] for _ in range(2)]
    assert moving[0] != moving[1]
    seen.page.click("#still")
    still = [seen.pixels("marks")["sum"] for _ in range(2)]
    assert still[0] == still[1]
    assert seen.complaints == []


def test_lights_stand_still_where_the_system_asks_for_it(visit: Open, site: Site):
    site.sites = [{"name": "Amsterdam", "latitude": AMSTERDAM[0], "longitude": AMSTERDAM[1]}]
    site.publish(replace(signin_failures(300), arc="sites"))
    seen = visit(reduced_motion="reduce")
    expect(seen.page.locator("#total")).to_have_text("300")
    seen.page.click("#arcs")
    seen.frame()
    assert seen.pixels("lines")["lit"] > 500
    expect(seen.page.locator("#still")).to_be_hidden()
    assert seen.pixels("marks")["lit"] == 0


def test_the_night_follows_the_clock_or_the_end_of_the_time_range(seen: MapVisit):
    seen.page.clock.install(time=datetime(2026, 3, 20, 12, 0, tzinfo=UTC))
    day = {place: lit_at(seen, "ground", *place) for place in [(0, 10), (170, 10), (0, 85)]}
    seen.page.click("#night")
    seen.page.clock.run_for(500)
    night = {place: lit_at(seen, "ground", *place) for place in day}
    assert night[0, 10] == day[0, 10]
    assert sum(night[170, 10][:3]) < sum(day[170, 10][:3])
    now = seen.page.locator("#ground").evaluate("canvas => canvas.toDataURL()")
    seen.page.get_by_role("button", name="24 h").click()
    seen.page.clock.run_for(500)
    assert seen.page.locator("#ground").evaluate("canvas => canvas.toDataURL()") != now


def test_a_row_counts_as_many_events_as_it_stands_for(visit: Open, site: Site):
    dataset = signin_failures(1_000)
    heavy = [900 if row[-3] == "KE" else 1 for row in dataset.rows]
    site.publish(weighted(dataset, "Attempts", heavy))
    seen = visit()
    expect(seen.page.locator("#total")).to_have_text("1,000")
    expect(seen.page.locator("#legend")).to_contain_text("1 event")
    draw(seen, "countries")
    seen.page.mouse.move(*seen.point_at(38, 1))
    note = seen.page.locator("#card header").inner_text()
    rows, events = (
        int(some.replace(",", "")) for some in re.findall(r"([\d,]+) (?:rows|events)", note)
    )
    assert events == 900 * rows


def test_the_poles_and_the_date_line_can_be_looked_at(visit: Open, site: Site):
    places = [("north", 90, 0), ("south", -90, 0), ("east", -17, 180), ("west", -17, -180)]
    dataset = signin_failures(0)
    for name, latitude, longitude in places:
        where = {"Latitude": latitude, "Longitude": longitude, "GeoPrecision": "city"}
        told = {"UserPrincipalName": name, "TimeGenerated": "2026-11-01T00:00:00Z"}
        dataset = one_more(dataset, **told, **where)
    site.publish(dataset)
    seen = visit()
    expect(seen.page.locator("#total")).to_have_text("4")
    seen.page.click("#night")
    for drawing in ("points", "clusters"):
        draw(seen, drawing)
        for name, latitude, longitude in places:
            seen.page.mouse.move(*seen.point_at(longitude, latitude))
            expect(seen.page.locator("#card")).to_contain_text(name)
    draw(seen, "heat")
    assert seen.pixels()["lit"] > 100
    assert seen.complaints == []
