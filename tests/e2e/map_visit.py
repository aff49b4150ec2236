"""One open map page as tests of it see it: where places are, what is drawn, what went wrong."""

import math
from collections.abc import Callable

from playwright.sync_api import Locator, Page
from visit import Visit

NAIROBI = (36.82, -1.29)
ATLANTIC = (-40.0, 0.0)  # no row anywhere near


def equal_earth(longitude: float, latitude: float) -> tuple[float, float]:
    """Šavrič, Patterson and Jenny 2018, y downwards; a second opinion on the page's own."""
    half = math.sqrt(3) / 2
    theta = math.asin(half * math.sin(math.radians(latitude)))
    a1, a2, a3, a4 = 1.340264, -0.081106, 0.000893, 0.003796
    slope = a1 + 3 * a2 * theta**2 + 7 * a3 * theta**6 + 9 * a4 * theta**8
    x = math.radians(longitude) * math.cos(theta) / (half * slope)
    return x, -(a1 * theta + a2 * theta**3 + a3 * theta**7 + a4 * theta**9)


# Pixels of a canvas: how many are not blank, and a checksum of all.
PIXELS = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let lit = 0, sum = 0, warm = 0, cold = 0;
  for (let i = 0; i < data.length; i += 4) {
    sum = (sum * 31 + data[i] + 7 * data[i + 1] + 13 * data[i + 2] + 17 * data[i + 3]) % 2147483647;
    if (data[i + 3] === 0) continue;
    lit++;
    if (data[i] > data[i + 2]) warm++; else cold++;
  }
  return { lit, sum, warm, cold };
}"""


class MapVisit(Visit):
    """The map page: where places are, what is drawn."""

    def pixels(self, canvas: str = "points") -> dict[str, int]:
        self.frame()
        return self.page.locator(f"#{canvas}").evaluate(PIXELS)

    def layer(self, name: str) -> Locator:
        return self.page.locator(f"[data-layer={name}]")

    def frame(self) -> None:
        """Waits until what was asked for is drawn."""
        self.page.evaluate("() => new Promise(d => requestAnimationFrame(() => setTimeout(d, 50)))")

    def total(self) -> int:
        self.frame()
        return int(self.page.inner_text("#total").replace(",", ""))

    def view(self) -> tuple[float, ...]:
        shown = self.page.locator("#stage").get_attribute("data-view") or ""
        return tuple(map(float, shown.split(",")))

    def point_at(self, longitude: float, latitude: float) -> tuple[float, float]:
        """Where a place is on the page, for the mouse."""
        box = self.page.locator("#stage").bounding_box()
        assert box is not None
        width, height = box["width"], box["height"]
        centre_x, centre_y, zoom = self.view()
        right, top = equal_earth(180, 0)[0], -equal_earth(0, 90)[1]
        scale = min((width - 28) / 2 / right, (height - 28) / 2 / top) * zoom
        x, y = equal_earth(longitude, latitude)
        return (
            box["x"] + width / 2 + (x - centre_x) * scale,
            box["y"] + height / 2 + (y - centre_y) * scale,
        )

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.page.mouse.move(*start)
        self.page.mouse.down()
        self.page.mouse.move(*end, steps=5)
        self.page.mouse.up()

    def brush(self, start: float, end: float) -> None:
        """Drags over the histogram, from and to a fraction of its width."""
        box = self.page.locator("#histogram").bounding_box()
        assert box is not None
        y = box["y"] + box["height"] / 2
        edge = [(box["x"] + box["width"] * share, y) for share in (start, end)]
        self.drag(edge[0], edge[1])


Open = Callable[..., MapVisit]


def wake(page: Page) -> None:
    """What a page does when its network returns: it asks at once."""
    page.evaluate("() => window.dispatchEvent(new Event('online'))")
