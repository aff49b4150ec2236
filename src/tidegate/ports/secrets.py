"""A secret that may be rotated while we run."""

from typing import Protocol


class Secret(Protocol):
    """The value of one secret. It is kept for a while, and never shown."""

    def value(self) -> str:
        """Return the value. Raises SourceDown when it cannot be read."""
        ...

    def renewed(self, instead_of: str) -> str:
        """Read it anew if it is still the one that was just refused; return it."""
        ...
