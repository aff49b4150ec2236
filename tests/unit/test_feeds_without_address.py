"""Feeds that are somebody's own run once they are told where they are."""

from tidegate.declare.feed import feeds
from tidegate.doctor import checks
from tidegate.loop import enabled
from tidegate.settings import Settings
from tidegate.wiring import local

WITHOUT = {"anomali", "misp", "prose", "sentinel", "stix", "taxii", "urlhaus_api"}


def running(tmp_path, **more) -> set[str]:
    with local(Settings(home=tmp_path, **more)) as house:
        return {feed.name for feed in enabled(house)}


def test_they_wait_for_an_address(tmp_path):
    assert running(tmp_path) == feeds().keys() - WITHOUT
    given = {"stix": "https://intel.example/mine.json"}
    assert running(tmp_path, feed_urls=given) == (feeds().keys() - WITHOUT) | {"stix"}
    assert "stix" not in running(tmp_path, feed_urls=given, feeds_off=["stix"])


def test_the_doctor_says_what_they_wait_for(tmp_path):
    said = {check.what: check for check in checks(Settings(home=tmp_path))}
    assert said["feed prose"].state == "missing"
    assert "TIDEGATE_FEED_URLS" in said["feed prose"].effect
