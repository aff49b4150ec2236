"""Stores of the cloud for the suites of ports: the real SDKs in front of stand-ins."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Tests are imported by path, not as a package, so the stand-ins must be made findable.
sys.path.insert(0, str(Path(__file__).parents[1] / "azure"))

if TYPE_CHECKING:
    from cosmos_lab import Lab


@pytest.fixture
def cosmos(tmp_path: Path) -> "Iterator[Lab]":
    from cosmos_lab import lab  # noqa: PLC0415 - the suites of local stores need no SDK

    with lab(tmp_path / "objects") as made:
        yield made
