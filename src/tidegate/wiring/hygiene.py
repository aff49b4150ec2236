"""What is never an indicator here."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tidegate.hygiene import Policy
from tidegate.wiring.state import State, now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate.adapters.warninglists import Folder, Refreshed


class Hygiene(State):
    """The policy, and the warninglists that it obeys.

    `edition` counts how often `renew` found another policy. Whoever keeps a part of the house asks
    for it again then.
    """

    edition = 0

    @cached_property
    def policy(self) -> Policy:
        """What is never an indicator here."""
        return self._judged_by()

    def renew(self) -> None:
        """Take up what another instance brought: nothing, where there is but one."""

    def _judged_by(self) -> Policy:
        return Policy(
            tuple(self.settings.allow_list),
            tuple(self.settings.own_domains),
            tuple(self.settings.own_networks),
            simulated=self.settings.simulated,
            lists=self.warninglists.lists(),
            popular=self.warninglists.popularity(),
        )

    @cached_property
    def warninglists(self) -> Folder:
        """The installed warninglists."""
        from tidegate.adapters.warninglists import Folder

        return Folder(self.settings.home / "warninglists")

    def refresh_warninglists(self) -> Iterator[Refreshed]:
        """Bring the newest public warninglists, one after the other."""
        from tidegate.adapters.warninglists import refresh_lists

        return refresh_lists(self.warninglists, self._http(outside=True), now)
