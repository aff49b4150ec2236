"""One open page as its tests see it, and how it is opened."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from playwright.sync_api import Browser, Page


@dataclass
class Visit:
    """One open page, and everything that went wrong on it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda said: self.complaints.append(f"{said.type}: {said.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))


Seen = TypeVar("Seen", bound=Visit)


@contextmanager
def visiting(browser: Browser, url: str, kind: type[Seen]) -> Iterator[Callable[..., Seen]]:
    """Yield what opens a page of the server at `url`.

    In the end nothing has gone wrong on any page that was not `troubled` on purpose.
    """
    opened: list[tuple[Seen, bool]] = []

    def go(
        path: str, width: int = 1440, height: int = 900, *, troubled: bool = False, **options: Any
    ) -> Seen:
        size = {"width": width, "height": height}
        context = browser.new_context(viewport=size, **({"color_scheme": "dark"} | options))
        seen = kind(context.new_page())
        opened.append((seen, troubled))
        seen.page.set_default_timeout(10_000)
        seen.page.goto(url + path)
        return seen

    yield go
    for seen, troubled in opened:
        seen.page.unroute_all(behavior="ignoreErrors")  # the page may be asking right now
        seen.page.context.close()
        assert seen.complaints == [] or troubled
        assert all(asked.startswith((f"{url}/", "blob:")) for asked in seen.requests)
