"""Makes the checkers beside the tests findable, which are imported by path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
