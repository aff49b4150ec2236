"""Around the map: links, play, freshness, themes, keys, the wallboard, files, being offline."""

import gzip
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from axe import barriers, findings
from map_site import DIST, Dataset, Site, signin_failures, threat_indicators, tsv
from map_visit import MapVisit, Open, wake
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.slow


def loaded(seen: MapVisit, total: str = "4,500") -> MapVisit:
    expect(seen.page.locator("#total")).to_have_text(total)
    return seen


def at(visit: Open, site: Site, fragment: str, **options: Any) -> MapVisit:
    """The page as a link opens it."""
    seen = visit(**options)
    seen.page.goto("about:blank")
    seen.page.goto(site.url + fragment)
    return seen


def address(seen: MapVisit) -> str:
    return str(seen.page.evaluate("() => location.hash"))


# --- links ------------------------------------------------------------------------------------


def test_a_link_opens_what_was_seen(seen: MapVisit, visit: Open, site: Site):
    for _ in range(3):
        seen.page.click("#closer")
    seen.drag((900, 300), (700, 350))
    seen.layer("signin_failures").get_by_role("switch").uncheck()
    seen.brush(0.4, 0.6)
    seen.page.wait_for_function("() => location.hash.includes('&t=')")
    total, view = seen.total(), seen.view()
    other = at(visit, site, address(seen))
    loaded(other, f"{total:,}")
    assert other.view() == pytest.approx(view, abs=2e-4)
    other.page.get_by_role("button", name="24 h").click()
    other.page.wait_for_function("() => location.hash.includes('last=24')")
    other.page.evaluate("() => { location.hash = '' }")
    loaded(other)


def test_a_link_can_be_copied(visit: Open, site: Site):
    seen = loaded(visit(permissions=["clipboard-read", "clipboard-write"]))
    seen.page.click("#closer")
    seen.page.click("#copy")
    expect(seen.page.locator("#copy")).to_have_text("Copied")
    assert seen.page.evaluate("() => navigator.clipboard.readText()") == site.url + address(seen)
    assert "at=" in address(seen)


def test_any_link_opens_the_page(visit: Open, site: Site):
    hostile = "#v=7&at=NaN,1e9,0&t=9_1&off=<img src=x>&f.__proto__=x&q=%FF&as=globe&" + "x" * 9_000
    seen = loaded(at(visit, site, hostile), "0")  # no row has what the link looks for
    seen.page.fill("#search", "")
    seen.page.click("#chips button")
    assert loaded(seen).pixels()["lit"] > 1_000
    assert seen.complaints == []


def test_a_filter_is_removed_by_a_slow_click_that_ends_a_search(visit: Open, site: Site):
    seen = loaded(at(visit, site, "#q=nobody&f.__proto__=x"), "0")
    seen.page.fill("#search", "")  # the press takes the box its focus, and so begins the search
    seen.page.click("#chips button", delay=500)
    loaded(seen)


# --- play -------------------------------------------------------------------------------------


def test_time_plays_until_somebody_takes_hold_of_it(seen: MapVisit):
    said = seen.page.locator("#range")
    seen.page.locator("#stage").focus()
    seen.page.keyboard.press(" ")
    expect(seen.page.locator("#play")).to_have_attribute("aria-label", "Pause")
    first = said.inner_text()
    expect(said).not_to_have_text(first)
    assert 0 < seen.total() < 4_500
    seen.brush(0.2, 0.3)
    expect(seen.page.locator("#play")).to_have_attribute("aria-label", "Play")
    seen.page.keyboard.press("]")
    seen.page.keyboard.press("]")
    seen.frame()
    moved = said.inner_text()
    seen.page.keyboard.press("[")
    expect(said).not_to_have_text(moved)
    assert seen.complaints == []


def test_all_that_came_so_far_plays_to_the_end(visit: Open):
    seen = loaded(visit())
    seen.page.select_option("#course", "growing")
    seen.page.select_option("#speed", "4")
    seen.brush(0.0, 0.9)
    seen.page.click("#play")
    expect(seen.page.locator("#play")).to_have_attribute("aria-label", "Play", timeout=15_000)
    loaded(seen)


def test_with_less_motion_time_goes_in_steps(visit: Open):
    seen = loaded(visit(reduced_motion="reduce"))
    seen.page.select_option("#speed", "4")
    seen.page.click("#play")
    edges = "() => document.querySelector('.grip').getAttribute('aria-valuenow') % 3600"
    first = seen.page.inner_text("#range")
    expect(seen.page.locator("#range")).not_to_have_text(first)
    assert seen.page.evaluate(edges) == 0
    seen.page.click("#play")


# --- freshness --------------------------------------------------------------------------------


def listing(site: Site, name: str, **more: Any) -> None:
    """Let the server say more of a dataset."""
    said = json.loads(site.listing)
    for dataset in said["datasets"]:
        if dataset["name"] == name:
            dataset.update(more)
    site.listing = json.dumps(said).encode()


def test_badges_unfold_to_what_is_behind_them(visit: Open, site: Site):
    old = datetime.now(UTC) - timedelta(days=2)
    site.publish(replace(signin_failures(3_000), refreshed=old))
    told = {"failed": "2026-11-21T11:00:00Z", "reason": "down <b>", "warnings": ["no column City"]}
    listing(site, "signin_failures", next_refresh=None, **told)
    seen = loaded(visit(), "3,000")
    layer = seen.layer("signin_failures")
    expect(layer.locator(".fresh")).to_have_class(re.compile("stale"))
    layer.get_by_role("switch").focus()
    seen.page.keyboard.press("Tab")
    seen.page.keyboard.press("Enter")
    for text in ("2026-11-21 11:00 UTC: down <b>", "no column City", "due now", "3,000"):
        expect(layer.locator(".pairs")).to_contain_text(text)


ANSWERS = [
    (200, {}, "Refreshed."),
    (204, {"Retry-After": "240"}, "It is fresh. Again in 4 min."),
    (429, {"Retry-After": "30"}, "Asked too often. Again in 30 s."),
    (403, {}, "Refreshing is not for you."),
]


def answering(status: int, headers: dict[str, str]) -> Callable[[Route], None]:
    return lambda route: route.fulfill(status=status, headers=headers)


def test_a_refresh_is_asked_for_and_told_in_words(seen: MapVisit):
    layer = seen.layer("signin_failures")
    layer.locator("summary").click()
    button = layer.get_by_role("button", name="Refresh")
    for status, headers, said in ANSWERS:
        seen.page.unroute_all()
        seen.page.route("**/api/refresh?source_id=signin_failures*", answering(status, headers))
        button.click()
        expect(layer.get_by_role("status")).to_have_text(said)
    expect(button).to_have_count(0)


def test_a_refresh_that_takes_long_is_followed(seen: MapVisit, site: Site):
    asked: list[str] = []

    def follow(route: Route) -> None:
        asked.append(route.request.url)
        body = {"status": "running" if len(asked) == 1 else "done"}
        route.fulfill(json=body, headers={"Retry-After": "0"})

    place = {"Location": "/api/refresh/r1", "Retry-After": "0"}
    seen.page.route("**/api/refresh?*", lambda route: route.fulfill(status=202, headers=place))
    seen.page.route("**/api/refresh/r1", follow)
    layer = seen.layer("signin_failures")
    layer.locator("summary").click()
    layer.get_by_role("button", name="Refresh").click()
    expect(layer.get_by_role("status")).to_have_text("Under way…")
    expect(layer.get_by_role("status")).to_have_text("Refreshed.")
    assert asked == [f"{site.url}api/refresh/r1"] * 2


# --- deltas -----------------------------------------------------------------------------------


def grown(site: Site, before: Dataset, *, spoilt: bool = False) -> Dataset:
    """Publish the dataset with one row less and one more, and what changed."""
    gone, *kept = before.rows
    new = [*kept[-1][:1], "new", *kept[-1][2:]]
    after = replace(before, rows=[*kept, new], version=(before.version or 0) + 1)
    site.publish(after)
    key = [gone[1] if name == "Id" else None for name in before.columns]
    at = len(kept) - spoilt
    columns = ["_change", "_at", *before.columns]
    delta = tsv(columns, [["-", "0", *key], ["+", str(at), *new]])
    url = f"/api/datasets/{after.name}/v{after.version}.delta"
    site.files[url] = gzip.compress(delta)
    step = {"from": before.version, "to": after.version, "url": url}
    facts = {"bytes": len(delta), "sha256": hashlib.sha256(delta).hexdigest()}
    listing(site, after.name, deltas=[step | facts | {"rows": 1, "removed": 1}])
    return after


@pytest.mark.parametrize("spoilt", [False, True], ids=["right", "leads elsewhere"])
def test_only_what_changed_is_fetched(visit: Open, site: Site, *, spoilt: bool):
    site.publish(signin_failures(3_000))
    seen = loaded(visit(), "3,000")
    seen.requests.clear()
    grown(site, signin_failures(3_000), spoilt=spoilt)
    wake(seen.page)
    expect(seen.layer("signin_failures").locator(".pairs")).to_contain_text("Version2")
    files = [url.rsplit("/", 1)[-1] for url in seen.requests if "/signin_failures/" in url]
    assert files == (["v2.delta", "v2.tsv"] if spoilt else ["v2.delta"])
    loaded(seen, "3,000")


# --- themes -----------------------------------------------------------------------------------


def test_high_contrast_and_palettes_are_a_choice_that_stays(seen: MapVisit):
    before, ground = seen.pixels(), seen.pixels("ground")
    seen.page.select_option("#hues", "viridis")
    assert seen.pixels()["sum"] != before["sum"]
    seen.page.select_option("#theme", "contrast")
    assert seen.pixels("ground")["sum"] != ground["sum"]
    white = "() => getComputedStyle(document.body).color"
    assert seen.page.evaluate(white) == "rgb(255, 255, 255)"
    chosen = seen.pixels()
    seen.page.reload()
    loaded(seen)
    assert seen.pixels() == chosen
    seen.page.goto(seen.page.url.split("#")[0] + "feeds.html")
    assert seen.page.evaluate(white) == "rgb(255, 255, 255)"


def test_the_systems_wish_for_contrast_is_heard(visit: Open):
    seen = loaded(visit(contrast="more", forced_colors="active"))
    expect(seen.page.locator("html")).to_have_attribute("data-theme", "contrast")
    dot = "e => getComputedStyle(e).backgroundColor"
    assert seen.page.locator(".layer .dot").first.evaluate(dot) == "rgb(230, 159, 0)"


# --- keys -------------------------------------------------------------------------------------


def test_all_keys_are_listed_and_escape_closes_one_thing_at_a_time(seen: MapVisit):
    seen.brush(0.4, 0.6)
    some = seen.total()
    seen.page.keyboard.press("?")
    dialog = seen.page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("Plays the time range")
    seen.page.keyboard.press("]")  # belongs to the dialog now
    assert seen.total() == some
    seen.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert seen.total() == some
    seen.page.keyboard.press("Escape")
    loaded(seen)


REACHED = """() => {
  const seen = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(seen);
  const name = seen.id || seen.getAttribute("aria-label") || seen.textContent.trim();
  return [name, outlineStyle, outlineWidth];
}"""


def test_every_control_is_reached_by_tab_and_shows_the_focus(seen: MapVisit):
    names: list[str] = []
    for _ in range(60):
        seen.page.keyboard.press("Tab")
        name, style, width = seen.page.evaluate(REACHED)
        if name in names[:1]:
            break
        names.append(name)
        assert (style, width) != ("none", "0px"), name
    assert names[:2] == ["Skip to the map", "Skip to the layers"]
    seen.page.get_by_role("link", name="Skip to the layers").press("Enter")
    assert seen.page.evaluate(REACHED)[0] == "panel"
    assert address(seen) == ""
    for wanted in (
        "copy",
        "wall",
        "help",
        "theme",
        "stage",
        "play",
        "speed",
        "open",
        "keeps",
        "hues",
    ):
        assert wanted in names


# --- the wallboard ----------------------------------------------------------------------------


def test_the_wallboard_follows_the_last_day_in_turns(visit: Open, site: Site):
    seen = visit()
    seen.page.clock.install()
    seen.page.goto("about:blank")
    seen.page.goto(site.url + "#wall")
    layers = seen.page.locator("#wall-layers li")
    expect(layers).to_have_count(2)
    expect(seen.page.locator("#wall-events li")).to_have_count(8)
    expect(seen.page.locator(".bar")).to_be_hidden()
    expect(seen.page.locator("#wall-clock")).to_contain_text("UTC")
    seen.page.clock.run_for(21_000)
    expect(layers).to_have_count(1)
    seen.page.mouse.click(300, 300)
    seen.page.clock.run_for(40_000)
    expect(layers).to_have_count(1)  # whoever touches it has it for a while
    seen.page.clock.run_for(40_000)
    expect(layers).to_contain_text("indicators")
    site.down = True
    wake(seen.page)
    expect(seen.page.locator("#status")).to_contain_text("503")
    seen.page.clock.run_for(1_000)
    expect(seen.page.locator("#wall-status")).to_contain_text("503")
    seen.page.keyboard.press("w")
    expect(seen.page.locator(".bar")).to_be_visible()
    seen.page.clock.run_for(1_000)
    expect(seen.page.locator("#total")).to_have_text("4,500")
    assert "wall" not in address(seen)


# --- files ------------------------------------------------------------------------------------

CSV = b"name,lat,lon,time\n<b>x</b>,-1.29,36.82,2026-11-21\nnowhere,,,\n"
GEOJSON = json.dumps(
    {
        "type": "Feature",
        "geometry": {"type": "LineString", "coordinates": [[0, 0], [10, 10]]},
        "properties": {"name": "line"},
    }
).encode()


def chosen(seen: MapVisit, name: str, body: bytes) -> None:
    seen.page.set_input_files("#file", {"name": name, "mimeType": "", "buffer": body})


def test_a_file_becomes_a_layer_and_never_leaves(seen: MapVisit):
    seen.requests.clear()
    chosen(seen, "sites.csv", CSV)
    expect(seen.page.locator("#opened")).to_have_text("sites.csv: 2 rows; 1 without a place.")
    loaded(seen, "4,502")
    layer = seen.layer("file-1")
    expect(layer).to_contain_text("file of yours")
    layer.locator("summary").click()
    name = layer.get_by_label("Name of the layer")
    name.fill("Our sites")
    name.press("Enter")
    expect(layer.locator(".name").first).to_have_text("Our sites")
    wake(seen.page)
    seen.frame()
    expect(layer).to_have_count(1)
    layer.get_by_role("button", name="Remove").click()
    loaded(seen)
    assert all(url.endswith((".js", "/api/datasets")) for url in seen.requests)
    assert seen.complaints == []


DROP = """([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  for (const type of ["dragover", "drop"]) {
    const how = { dataTransfer: data, bubbles: true, cancelable: true };
    document.body.dispatchEvent(new DragEvent(type, how));
  }
}"""


def test_a_file_may_be_dropped_and_one_that_is_none_says_why(seen: MapVisit):
    seen.page.evaluate(DROP, ["routes.geojson", GEOJSON.decode()])
    expect(seen.page.locator("#opened")).to_contain_text("1 shape is shown at the middle")
    loaded(seen, "4,501")
    for name, body, why in [
        ("deep.json", b"[" * 100_000, "it is nested too deeply"),
        ("<img src=x>.tsv", b"\xff\xfe\x00", "it is no UTF-8 text"),
        ("a.csv", b"lat,lon\nNaN,1e999\n", "none of its rows has a latitude"),
    ]:
        chosen(seen, name, body)
        expect(seen.page.locator("#opened")).to_contain_text(f"{name}: {why}")
    loaded(seen, "4,501")


# --- offline ----------------------------------------------------------------------------------

LEFT_OUT = """async () => {
  const kept = await (await caches.open("tidegate-shell-1")).keys();
  const paths = new Set(kept.map(({ url }) => new URL(url).pathname));
  const used = performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname);
  const ours = ["/", ...used.filter((path) => !path.startsWith("/api/") && path !== "/sw.js")];
  return ours.filter((path) => !paths.has(path));
}"""
DATA = "async () => (await (await caches.open('tidegate-data-1')).keys()).length"
WORKERS = "async () => (await navigator.serviceWorker.getRegistrations()).length"


def until(page: Page, asked: str, good: Callable[[Any], bool]) -> Any:
    """Ask the page until it answers well."""
    for _ in range(100):
        found = page.evaluate(asked)
        if good(found):
            return found
        page.wait_for_timeout(100)
    raise AssertionError(found)


def settled(visit: Open) -> MapVisit:
    """A page of which everything is kept."""
    seen = loaded(visit())
    until(seen.page, LEFT_OUT, lambda paths: paths == [])
    assert seen.page.evaluate(DATA) == 3
    return seen


def test_the_last_data_survive_without_a_network_but_not_a_refusal(visit: Open, site: Site):
    seen = settled(visit)
    seen.page.context.set_offline(True)
    seen.page.reload()
    loaded(seen)
    status = seen.page.locator("#status")
    expect(status).to_contain_text(
        re.compile(r"Offline, as of .* UTC: the server cannot be reached")
    )
    assert seen.pixels()["lit"] > 1_000
    assert seen.pixels("ground")["lit"] > 300_000
    seen.page.context.set_offline(False)
    wake(seen.page)
    expect(status).to_contain_text("Live")
    site.down = True
    seen.page.reload()
    loaded(seen)
    expect(status).to_contain_text("503")
    site.down = False
    refused = (403, {"Content-Type": "text/plain"}, b"no")
    answer = site.answer
    site.answer = lambda path: (  # type: ignore[method-assign]
        refused if path.startswith("/api/") else answer(path)
    )
    wake(seen.page)
    expect(status).to_contain_text("403")
    until(seen.page, DATA, lambda entries: entries == 0)


def test_keeping_can_be_switched_off(visit: Open):
    seen = settled(visit)
    seen.page.get_by_label("Keep the data here").uncheck()
    until(seen.page, "() => caches.keys()", lambda names: names == [])
    assert seen.page.evaluate(WORKERS) == 0
    seen.page.reload()
    loaded(seen)
    seen.page.wait_for_timeout(300)
    assert seen.page.evaluate(WORKERS) == 0
    assert seen.page.evaluate("() => caches.keys()") == []


TRAP = b"""self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => event.request.mode === "navigate"
  && event.respondWith(new Response("trapped", { headers: { "Content-Type": "text/html" } })));"""


def instead(site: Site, worker: bytes | None) -> None:
    """Let the server have another service worker, or none."""
    answer = Site.answer.__get__(site)
    javascript = {"Content-Type": "text/javascript"}
    found = (200, javascript, worker) if worker else (404, {"Content-Type": "text/plain"}, b"")
    site.answer = lambda path: found if path == "/sw.js" else answer(path)  # type: ignore[method-assign]


def test_a_broken_service_worker_traps_nobody(visit: Open, site: Site):
    instead(site, TRAP)
    seen = loaded(visit())
    seen.page.evaluate("() => navigator.serviceWorker.ready.then(() => null)")
    seen.page.reload()
    assert seen.page.inner_text("body") == "trapped"
    instead(site, (DIST / "sw-gone.js").read_bytes())
    seen.page.evaluate(
        "() => navigator.serviceWorker.getRegistration().then(r => r.update()).then(() => null)"
    )
    loaded(seen)
    instead(site, None)
    seen.page.reload()
    loaded(seen)
    until(seen.page, WORKERS, lambda workers: workers == 0)


def test_a_service_worker_that_the_server_took_away_leaves(visit: Open, site: Site):
    seen = settled(visit)
    instead(site, None)
    seen.page.reload()
    loaded(seen)
    until(seen.page, WORKERS, lambda workers: workers == 0)


# --- for everybody ----------------------------------------------------------------------------


def test_no_barrier_is_found(seen: MapVisit):
    seen.layer("signin_failures").locator("summary").click()
    seen.page.keyboard.press("t")
    expect(seen.page.locator("#table")).to_be_visible()
    assert barriers(seen.page) == {}
    seen.page.keyboard.press("?")
    assert findings(seen.page) == []


@pytest.mark.parametrize(
    ("name", "size", "scheme"),
    [
        ("desktop-dark", (1600, 900), "dark"),
        ("desktop-light", (1600, 900), "light"),
        ("narrow-dark", (390, 844), "dark"),
    ],
)
def test_screenshot(
    visit: Open, site: Site, tmp_path: Path, name: str, size: tuple[int, int], scheme: str
):
    site.publish(signin_failures(12_000), threat_indicators(4_000, seed=9))
    seen = loaded(visit(*size, color_scheme=scheme), "16,000")
    picture = tmp_path / f"map-{name}.png"
    seen.page.screenshot(path=picture)
    assert picture.stat().st_size > 30_000
