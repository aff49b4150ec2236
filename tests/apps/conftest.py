"""Makes the driver beside the tests findable, which are imported by path, and the emulators."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "azure")]
