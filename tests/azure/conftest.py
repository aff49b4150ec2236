"""A Cosmos account on loopback, and the store on it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Tests are imported by path, not as a package, so modules beside them must be made findable.
sys.path.insert(0, str(Path(__file__).parent))

from cosmos_lab import Lab, lab


@pytest.fixture
def cosmos(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path / "objects") as made:
        yield made
