"""How fast the map draws and drags with 200,000 rows: `python tests/bench/map_page.py [rows]`.

Headless Chromium without a GPU, as on a remote desktop. The rows are scattered, every place once:
the worst case, since rows of one city are one dot. Bounded: about half a minute.
"""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from map_site import Site, served, signin_failures
from playwright.sync_api import Page, sync_playwright

ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
SECONDS = 4

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
  const sum = gaps.reduce((a, b) => a + b);
  return [gaps.length * 1000 / sum, 1000 / gaps[Math.floor(gaps.length * 0.95)]];
}"""

# Moves one end of the brush by a bin per frame: everything is counted and drawn again.
BRUSH = """async (seconds) => {
  const grip = document.querySelector(".grip");
  const frame = () => new Promise(requestAnimationFrame);
  const start = performance.now();
  let frames = 0;
  for (let i = 0; performance.now() - start < seconds * 1000; i++) {
    const key = i % 40 < 20 ? "ArrowRight" : "ArrowLeft";
    grip.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    await frame();
    frames++;
  }
  return frames * 1000 / (performance.now() - start);
}"""


def first_drawing(page: Page, url: str, rows: int) -> float:
    """Seconds from navigation until all rows are counted and painted."""
    page.goto(url, wait_until="commit")
    return page.evaluate(DRAWN, f"{rows:,}") / 1000


def dragged(page: Page, label: str) -> None:
    mean, slow = page.evaluate(DRAG, SECONDS)
    print(f"drag, {label:<12} {mean:5.1f} frames/s on average, {slow:5.1f} in the slowest 5 %")


def zoomed(page: Page, times: int) -> None:
    page.locator("#stage").focus()
    for _ in range(times):
        page.keyboard.press("+")
    page.wait_for_timeout(800)


def main(rows: int) -> None:
    dataset = signin_failures(rows, spread=4.0)
    size = len(dataset.payload) / 1e6
    print(f"{rows:,} rows, {size:.1f} MB of TSV, 1440x900")
    with served(Site(dataset)) as site, sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(20_000)
        times = [first_drawing(page, site.url, rows) for _ in range(3)]
        print("first drawing    " + ", ".join(f"{seconds:.2f} s" for seconds in times))
        zoomed(page, 1)
        dragged(page, "zoom 1.5")
        zoomed(page, 4)
        dragged(page, "zoom 7.6")
        page.keyboard.press("0")
        print(f"brush, per step  {page.evaluate(BRUSH, SECONDS):5.1f} frames/s")
        browser.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
