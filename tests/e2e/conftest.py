"""A browser, and the built page in front of made-up datasets."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

# Tests are imported by path, not as a package, so a module beside them must be made findable.
sys.path.insert(0, str(Path(__file__).parent))

from map_site import DIST, Site, served, signin_failures, threat_indicators
from map_visit import MapVisit, Open
from visit import visiting

BROWSERS = ["chromium", "chromium-browser", "google-chrome"]
ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield running
        running.close()


@pytest.fixture
def site() -> Iterator[Site]:
    if not (DIST / "index.html").is_file():
        pytest.fail("the page is not built: run `npm ci && npm run build` in web/")
    with served(Site(signin_failures(3_000), threat_indicators(1_500))) as running:
        yield running


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Open]:
    """Opens the map; the tests look themselves whether anything went wrong."""
    with visiting(browser, site.url.rstrip("/"), MapVisit) as go:
        yield lambda *size, **options: go("/", *size, troubled=True, **options)


@pytest.fixture
def seen(visit: Open) -> MapVisit:
    """The page with both layers loaded."""
    opened = visit()
    expect(opened.page.locator("#total")).to_have_text("4,500")
    return opened
