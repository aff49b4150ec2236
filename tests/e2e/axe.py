"""Barriers for people with disabilities, as axe-core finds them."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SCRIPT = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = {"serious", "critical"}
RUN = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.map(({ id, impact, nodes }) => {
    const where = nodes.slice(0, 5).map((node) => [node.target.join(" "), node.failureSummary]);
    return { id, impact, where };
  });
}"""


def findings(page: Page) -> list[Any]:
    """What is serious or critical on the page as it stands."""
    page.evaluate(SCRIPT.read_text(encoding="utf-8"))
    return [found for found in page.evaluate(RUN) if found["impact"] in GRAVE]


def barriers(page: Page) -> dict[str, list[Any]]:
    """The findings in each theme that has any."""
    found = {}
    for theme in ("dark", "light", "contrast"):
        page.select_option("#theme", theme)
        found[theme] = findings(page)
    return {theme: some for theme, some in found.items() if some}
