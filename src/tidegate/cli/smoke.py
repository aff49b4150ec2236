"""Whether what was deployed answers."""

import os
from dataclasses import asdict
from typing import Annotated
from urllib.parse import urlsplit

import typer

from tidegate import show
from tidegate.cli.app import FAILED, WRONG_USE, AsJson, app, emit, fail

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
KEY = "x-functions-key"


@app.command()
def smoke(
    urls: Annotated[list[str], typer.Argument(help="Where it answers: each app, or all at once.")],
    key_from_env: Annotated[
        str | None, typer.Option(metavar="NAME", help="The variable with the function key.")
    ] = None,
    expect: Annotated[str | None, typer.Option(help="The version that should be there.")] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait until all is well.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Say whether a deployment is well: health, one read of each app, its version."""
    import time

    from tidegate import wiring
    from tidegate.smoke import Site
    from tidegate.smoke import smoke as look

    key = _key(key_from_env)
    sites = [_address(url, key) for url in urls]
    with wiring.prober(key) as http:
        headers = {KEY: key} if key else {}
        found = [
            one
            for site in sites
            for one in look(Site(site, http, headers), expect, wait, time.sleep)
        ]
    if as_json:
        for one in found:
            emit(asdict(one))
    else:
        show.smoke(found)
    raise typer.Exit(0 if all(one.well for one in found) else FAILED)


def _key(name: str | None) -> str | None:
    """Return the key that a variable holds: on the command line other users could read it."""
    if name is None:
        return None
    if not (key := os.environ.get(name)):
        fail(f"{name} is not set", WRONG_USE)
    return key


def _address(url: str, key: str | None) -> str:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        fail(f"{url}: {error}", WRONG_USE)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        fail(f"{url}: not an address of http", WRONG_USE)
    if key and parts.scheme == "http" and parts.hostname not in LOOPBACK:
        fail(f"{url}: a key leaves this machine by https only", WRONG_USE)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
