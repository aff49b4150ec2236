"""How fast the map draws and drags, in every drawing: `python tests/bench/map_page.py`.

Headless Chromium without a GPU, as on a remote desktop. The rows are scattered, every place once:
the worst case, since rows of one city are one dot. Beside frames per second stands the CPU
time of the main thread per frame, which says more on a busy machine. Bounded: a minute and a half.
"""

import hashlib
import os
import random
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from map_site import CITIES, GEO, Dataset, Site, served, tsv
from playwright.sync_api import CDPSession, Page, sync_playwright

ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
SECONDS = 2
NAMES = [
    "TimeGenerated",
    "Id",
    "UserPrincipalName",
    "IPAddress",
    "ResultType",
    "SiteLat",
    "SiteLon",
]
SITES = [(52.37, 4.9), (47.61, -122.33), (1.35, 103.82)]

DRAWN = """async (total) => {
  const frame = () => new Promise(requestAnimationFrame);
  while (document.querySelector("#total")?.textContent !== total) await frame();
  await frame();
  return performance.now();
}"""

# Drags in circles, one step per frame, and counts the frames.
DRAG = """async (seconds) => {
  const surface = document.querySelector("#marks");
  const { left, top } = surface.getBoundingClientRect();
  const send = (type, x, y) => surface.dispatchEvent(new PointerEvent(type, {
    pointerId: 1, button: 0, bubbles: true, clientX: left + x, clientY: top + y }));
  surface.setPointerCapture = () => {};
  const frame = () => new Promise(requestAnimationFrame);
  const start = performance.now();
  const gaps = [];
  let before = await frame();
  send("pointerdown", 500, 300);
  for (let i = 0; performance.now() - start < seconds * 1000; i++) {
    send("pointermove", 500 + 120 * Math.sin(i / 20), 300 + 60 * Math.cos(i / 20));
    const now = await frame();
    gaps.push(now - before);
    before = now;
  }
  send("pointerup", 500, 300);
  gaps.sort((a, b) => a - b);
  return [gaps.length, gaps.reduce((a, b) => a + b), gaps[Math.floor(gaps.length * 0.95)]];
}"""

# Moves one end of the brush by a bin per frame: everything is counted and drawn again.
BRUSH = """async (seconds) => {
  const grip = document.querySelector(".grip");
  const frame = () => new Promise(requestAnimationFrame);
  const start = performance.now();
  const gaps = [];
  let before = await frame();
  for (let i = 0; performance.now() - start < seconds * 1000; i++) {
    const key = i % 40 < 20 ? "ArrowRight" : "ArrowLeft";
    grip.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    const now = await frame();
    gaps.push(now - before);
    before = now;
  }
  gaps.sort((a, b) => a - b);
  return [gaps.length, gaps.reduce((a, b) => a + b), gaps[Math.floor(gaps.length * 0.95)]];
}"""

# What first comes to mind: one circle for each row, on a canvas of the same size.
NAIVE = """async (rows) => {
  const { width, height } = document.querySelector("#points");
  const context = Object.assign(document.createElement("canvas"), { width, height })
    .getContext("2d", { willReadFrequently: true });
  const anywhere = () => [Math.random() * width, Math.random() * height];
  const places = Array.from({ length: rows }, anywhere);
  context.fillStyle = "#e69f0080";
  for (const [x, y] of places) {
    context.beginPath();
    context.arc(x, y, 2, 0, 2 * Math.PI);
    context.fill();
  }
  context.getImageData(0, 0, 1, 1);
}"""


@dataclass(frozen=True)
class Many(Dataset):
    """Too many rows to hold as lists: only their text is kept."""

    count: int = 0
    text: bytes = b""

    @property
    def payload(self) -> bytes:  # type: ignore[override]  # what is cached there is given here
        return self.text

    def _declared(self) -> dict[str, Any]:
        digest = hashlib.sha256(self.text).hexdigest()
        return super()._declared() | {"rows": self.count, "located": self.count, "sha256": digest}


def scattered(count: int) -> Many:
    """Rows around cities, each at a place of its own, over three days, that lead to three sites."""
    chance = random.Random(7)  # noqa: S311
    cities = chance.choices(CITIES, [city[-1] for city in CITIES], k=count)
    start = datetime.now(UTC) - timedelta(days=3)
    step = 3 * 86_400 / max(count, 1)
    lines = [
        line(number, start + timedelta(seconds=number * step), city, chance)
        for number, city in enumerate(cities)
    ]
    text = tsv([*NAMES, *GEO], []) + "".join(lines).encode()
    arc = {"latitude": "SiteLat", "longitude": "SiteLon"}
    title = "Sign-in failures"
    declared = ("scattered", title, [*NAMES, *GEO], [], "UserPrincipalName", "ResultType")
    return Many(*declared, arc=arc, count=count, text=text)


def line(number: int, moment: datetime, city: Sequence[Any], chance: random.Random) -> str:
    _, country, latitude, longitude, _ = city
    y, x = latitude + chance.gauss(0, 4), longitude + chance.gauss(0, 4)
    end = SITES[number % 3]
    user, result = f"user{number % 997}@example.com", 50_000 + number % 6
    address = f"203.0.113.{number % 256}"
    return (
        f"{moment:%Y-%m-%dT%H:%M:%S.%f}0Z\ts{number}\t{user}\t{address}\t{result}\t{end[0]}\t{end[1]}"
        f"\t{y:.4f}\t{min(x, 180):.4f}\t{country}\tcity\tlog\n"
    )


@dataclass(frozen=True)
class Bench:
    """One page, measured by the frames it shows and the time its scripts take."""

    page: Page
    devtools: CDPSession

    def open(self, url: str, rows: int) -> float:
        """Seconds from navigation until all rows are counted and painted."""
        self.page.goto(url, wait_until="commit")
        return self.page.evaluate(DRAWN, f"{rows:,}") / 1000

    def cpu(self) -> float:
        metrics = self.devtools.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in metrics if each["name"] == "ThreadTime")

    def frames(self, label: str, script: str = DRAG) -> float:
        before = self.cpu()
        count, total, slow = self.page.evaluate(script, SECONDS)
        spent = (self.cpu() - before) * 1000 / count
        fps = count * 1000 / total
        print(f"  {label:<22} {fps:5.1f} fps, slowest 5 % {1000 / slow:5.1f}, {spent:5.1f} ms CPU")
        return spent

    def choose(self, drawing: str) -> None:
        self.page.locator(f"label:has([value={drawing}])").click()
        self.page.wait_for_timeout(300)

    def zoom(self, times: int) -> None:
        self.page.locator("#stage").focus()
        for _ in range(times):
            self.page.keyboard.press("+")
        self.page.wait_for_timeout(500)


def thousands(bench: Bench, url: str, rows: int) -> None:
    times = [bench.open(url, rows) for _ in range(2)]
    print("  first drawing          " + ", ".join(f"{seconds:.2f} s" for seconds in times))
    bench.zoom(1)
    drawn = bench.frames("drag points, zoom 1.5")
    for drawing in ("clusters", "heat", "countries"):
        bench.choose(drawing)
        bench.frames(f"drag {drawing}")
    bench.choose("points")
    bench.page.click("#arcs")
    bench.frames("drag points and arcs")
    bench.page.click("#arcs")
    bench.zoom(4)
    bench.frames("drag points, zoom 7.6")
    bench.page.keyboard.press("0")
    for drawing in ("points", "heat", "countries"):
        bench.choose(drawing)
        bench.frames(f"brush {drawing}", BRUSH)
    before = bench.cpu()
    bench.page.evaluate(NAIVE, rows)
    naive = (bench.cpu() - before) * 1000
    print(f"  one arc() for each row {naive:5.0f} ms CPU a frame: {naive / drawn:.0f} times ours")


def main() -> None:
    print(f"1440x900, no GPU, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with served(Site()) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(30_000)
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable")
        bench = Bench(page, devtools)
        for rows in (1, 200_000, 1_000_000):
            dataset = scattered(rows)
            site.publish(dataset)
            print(f"{rows:,} rows, {len(dataset.text) / 1e6:.1f} MB of TSV")
            if rows == 200_000:
                thousands(bench, site.url, rows)
                continue
            print(f"  first drawing          {bench.open(site.url, rows):.2f} s")
            bench.zoom(1)
            bench.frames("drag points, zoom 1.5")
            bench.frames("brush points", BRUSH)
        print(f"load {os.getloadavg()[0]:.1f}")
        browser.close()


if __name__ == "__main__":
    main()
