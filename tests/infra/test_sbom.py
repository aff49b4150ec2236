"""What we ship is listed: each part and version of the lock files, and nothing else, each time."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^([a-z0-9._-]+)==([^\s;]+)", re.MULTILINE)


def made() -> dict[str, bytes]:
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, ROOT / "dev.py", "sbom"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return {file.stem: file.read_bytes() for file in (ROOT / "dist" / "sbom").glob("*.json")}


def parts(sbom: bytes) -> set[tuple[str, str]]:
    return {(one["name"], one["version"]) for one in json.loads(sbom)["components"]}


def test_each_part_of_the_lock_files_is_listed_and_each_time_the_same():
    if not (ROOT / ".venv-infra").is_dir():
        pytest.skip("`make check-infra` brings what lists them")
    found = made()
    for name in ("azure", "run"):
        locked = {*PIN.findall((ROOT / "requirements" / f"{name}.txt").read_text("utf-8"))}
        assert parts(found[name]) == locked
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text("utf-8"))["packages"]
    names = {
        (path.rpartition("node_modules/")[2], one["version"]) for path, one in lock.items() if path
    }
    page = {(name.rpartition("/")[2], version) for name, version in names}
    assert {(name.rpartition("/")[2], version) for name, version in parts(found["page"])} <= page
    assert len(parts(found["page"])) > 20
    assert made() == found
