"""What is configured, what is missing, and what each missing thing switches off."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tidegate.declare.dataset import datasets
from tidegate.declare.feed import Feed
from tidegate.declare.layers import layers
from tidegate.declare.strict import Mistakes
from tidegate.ingest.alerts import BAD, QUARANTINED
from tidegate.ingest.schedule import Choice
from tidegate.ports import BadPayload, SourceDown, Trouble
from tidegate.settings import Settings
from tidegate.wiring import Local, house

REFUSED = {BAD, QUARANTINED}  # what came was not let in


@dataclass(frozen=True, slots=True)
class Check:
    """One line. `state` is ok, missing, simulated or broken; `effect` is what that means."""

    what: str
    state: str
    effect: str


def checks(settings: Settings) -> list[Check]:
    """Look at the settings and at where the state lives. Azure's stores and logs are called."""
    return [
        *(_stores(settings) if settings.on_azure else [_home(settings.home)]),
        *_feeds(settings),
        _warninglists(settings),
        *_enrichers(settings),
        _tenant(settings),
        *(_access(settings) if settings.defender_url else []),
        _logs(settings),
        *_datasets(settings.datasets_folder),
        _database(
            "geo database",
            settings.geo_database,
            "addresses without coordinates in the log are not located",
        ),
        _database("ASN database", settings.asn_database, "look-ups do not say whose an address is"),
        _page(settings.page),
    ]


def _home(home: Path) -> Check:
    nearest = next(folder for folder in (home, *home.absolute().parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        return Check("state", "broken", f"{home.absolute()} cannot be written: nothing works")
    return Check("state", "ok", f"in {home.absolute()}")


def _stores(settings: Settings) -> Iterator[Check]:
    by_key = settings.storage_url is None
    storage = "that of its connection string" if by_key else settings.storage_url
    with house(settings) as opened:
        # That there is no such object, and no run, are answers, too.
        yield _reached("objects", f"Blob Storage, {storage}", lambda: opened.objects.get("doctor"))
        yield _reached(
            "sightings", f"Cosmos DB, {settings.cosmos_url}", lambda: opened.runs.newest(None, 1)
        )


def _reached(what: str, where: str, asked: Callable[[], object]) -> Check:
    try:
        asked()
    except (SourceDown, BadPayload) as error:
        return Check(what, "broken", f"{where}: {error}")
    return Check(what, "ok", f"in {where}")


def _feeds(settings: Settings) -> Iterator[Check]:
    folder = settings.feeds_folder
    if folder and not folder.is_dir():
        yield Check("feeds folder", "broken", f"{folder} is no folder: no feeds of your own")
    with house(settings) as opened:
        choice, troubles = _remembered(opened)
        for feed in opened.catalogue.feeds.values():
            off, trouble = choice.why_not(feed), troubles.get(feed.name, Trouble())
            yield _feed(feed, settings, off, trouble)
        for name in sorted(settings.feed_grades.keys() - opened.catalogue.feeds.keys()):
            yield Check(f"grade of {name}", "broken", "feed_grades names no feed: it does nothing")
        for name, mistakes in opened.catalogue.broken.items():
            yield Check(f"feed {name}", "broken", "; ".join(mistakes))


def _warninglists(settings: Settings) -> Check:
    """Tell whether the public lists of what is harmless have been brought, without reading them."""
    with house(settings) as opened:
        try:
            missing = opened.missing_warninglists()
        except (SourceDown, BadPayload) as error:
            return Check("warninglists", "broken", str(error))
    if missing:
        effect = "may be enforced until `tidegate warninglists --refresh` brings"
        return Check("warninglists", "missing", f"what is on them {effect} {', '.join(missing)}")
    return Check("warninglists", "ok", "the public ones are here")


def _datasets(folder: Path | None) -> Iterator[Check]:
    if folder is None:
        return
    if not folder.is_dir():
        yield Check("datasets folder", "broken", f"{folder} is no folder: no datasets of your own")
        return
    found = layers(folder)
    own = len(found.datasets) - len(datasets())
    yield Check("own datasets", "ok", f"{own} from {folder}")
    for name, mistakes in found.broken.items():
        yield Check(f"dataset {name}", "broken", "; ".join(mistakes))


def _remembered(opened: Local) -> tuple[Choice, dict[str, Trouble]]:
    """Return what people decided and what is wrong, as far as a state can be asked."""
    settings = opened.settings
    if opened.begun:
        with suppress(SourceDown, BadPayload):
            names = opened.catalogue.feeds
            return opened.choice, {name: opened.memory.trouble(name) for name in names}
    return Choice(settings.feeds_off, settings.feed_urls, {}), {}


def _feed(feed: Feed, settings: Settings, off: str | None, trouble: Trouble) -> Check:
    what = f"feed {feed.name}"
    if off:
        return Check(what, "missing", off)
    missing = sorted(feed.secrets - settings.feed_keys.keys())
    if missing:
        instead = "; its sample is read instead" if settings.simulated else ""
        key = feed.setting_of(missing[0])
        return Check(what, "missing", f"not fetched until {key} is set{instead}")
    if trouble.state:
        state = "broken" if trouble.state in REFUSED else "missing"
        return Check(what, state, f"{trouble.state}: {trouble.reason}")
    return Check(what, "ok", "needs no key" if not feed.secrets else "its key is set")


def _enrichers(settings: Settings) -> Iterator[Check]:
    """Tell whom `lookup --enrich` asks: nobody without requests a day, and some not without key."""
    greynoise, virustotal = settings.greynoise_key, settings.virustotal_key
    keyless = "asked without a key, which it answers seldom: set TIDEGATE_GREYNOISE_KEY"
    unasked = "`lookup --enrich` does not ask it until TIDEGATE_VIRUSTOTAL_KEY is set"
    yield _enricher("GreyNoise", settings.greynoise_daily, None if greynoise else keyless)
    yield _enricher("VirusTotal", settings.virustotal_daily, None if virustotal else unasked)


def _enricher(name: str, daily: int, without: str | None) -> Check:
    what, off = f"enricher {name}", f"TIDEGATE_{name.upper()}_DAILY is 0: it is never asked"
    if not daily or without:
        return Check(what, "missing", without if daily and without else off)
    return Check(what, "ok", f"its key is set; at most {daily:,} requests a day")


def _tenant(settings: Settings) -> Check:
    if settings.simulated:
        effect = "alerts, devices and sandbox are simulated until TIDEGATE_DEFENDER_URL is set"
        return Check("tenant", "simulated", effect)
    if settings.defender_url is None:
        return Check("tenant", "missing", "no alerts, no gate until TIDEGATE_DEFENDER_URL is set")
    return Check("tenant", "ok", f"Defender at {settings.defender_url}")


def _access(settings: Settings) -> Iterator[Check]:
    """Ask for tokens, for VMRay's key and its quota: whether they are there, and good enough."""
    with house(settings) as opened:
        try:
            missing = opened.missing_roles()
        except (SourceDown, BadPayload, Mistakes) as error:
            yield Check("app roles", "broken", f"not known: {error}")
        else:
            for need in missing:
                yield Check(f"role {need.role}", "missing", f"of {need.api}: {need.switches_off}")
            if not missing:
                yield Check("app roles", "ok", "all that the settings ask for are given")
        yield _sandbox(opened)


def _sandbox(opened: Local) -> Check:
    try:
        quota = opened.detonate.sandbox.quota()
    except (SourceDown, BadPayload, Mistakes) as error:
        return Check("VMRay", "broken", f"nothing is detonated: {error}")
    if quota is None:
        return Check("VMRay", "ok", "it answers, and does not tell its quota")
    return Check("VMRay", "ok", f"{quota.used:,} of {quota.limit:,} analyses are used")


def _logs(settings: Settings) -> Check:
    if settings.workspace_id is not None:
        return _workspace(settings)
    if settings.synthetic:
        until = "TIDEGATE_WORKSPACE_ID or TIDEGATE_TABLES"
        return Check("logs", "simulated", f"the map shows synthetic rows until {until} is set")
    if settings.tables is None:
        effect = "the map gets no rows from logs, the gate no matches"
        return Check("logs", "missing", f"{effect}, until TIDEGATE_WORKSPACE_ID is set")
    if not settings.tables.is_dir():
        return Check("logs", "broken", f"{settings.tables} is no folder: the map stays empty")
    return Check("logs", "ok", f"local tables in {settings.tables}")


def _workspace(settings: Settings) -> Check:
    """Ask the workspace for its time: that takes the address, the token and the role."""
    where = f"Log Analytics workspace {settings.workspace_id}"
    with house(settings) as opened:
        assert opened.workspace is not None  # noqa: S101 - it is set
        return _reached("logs", where, opened.workspace.now)


def _database(what: str, database: Path | None, without: str) -> Check:
    if database is None:
        return Check(what, "missing", without)
    if not database.is_file():
        return Check(what, "broken", f"{database}: no such file")
    return Check(what, "ok", str(database))


def _page(page: Path | None) -> Check:
    if page is None:
        return Check("page", "missing", "`tidegate up` serves the API alone; `make run` builds it")
    for name in ("index.html", "staticwebapp.config.json"):
        if not (page / name).is_file():
            return Check("page", "broken", f"{page} has no {name}")
    return Check("page", "ok", str(page))
