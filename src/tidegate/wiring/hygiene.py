"""What is never an indicator here."""

from __future__ import annotations

from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING

from tidegate.hygiene import Policy
from tidegate.wiring.state import State, now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tidegate.adapters.warninglists import Folder, Refreshed


class Hygiene(State):
    """The policy, and the warninglists that it obeys.

    `edition` counts how often `renew` found another policy. Whoever keeps a part of the house asks
    for it again then.
    """

    edition = 0
    _stamp: frozenset[tuple[str, int, int]] | None = None

    @cached_property
    def policy(self) -> Policy:
        """What is never an indicator here."""
        return self._judged_by()

    def renew(self) -> None:
        """Take up the warninglists that a command brought beside us."""
        if "policy" in vars(self) and self.warninglists.stamp() != self._stamp:
            self._adopt(self._judged_by())

    def _adopt(self, policy: Policy) -> None:
        self.policy = policy
        self._rejudge()
        self.edition += 1  # last: whoever sees it asks for the parts

    def _rejudge(self) -> None:
        """Let what is built judge by the policy; what is under way keeps the one that it has."""

    def _judged_by(self) -> Policy:
        self._stamp = self.warninglists.stamp()  # first: what comes meanwhile is another one
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

        root = self.settings.home / "warninglists"
        return Folder(root, self.settings.packaged_warninglists)

    def missing_warninglists(self) -> list[str]:
        """Return the public lists that are to be here and are not."""
        folder = self.warninglists
        return sorted({*folder.public()} - {*folder.names()} - folder.packed())

    def refresh_warninglists(self) -> Iterator[Refreshed]:
        """Bring the newest public warninglists, one after the other."""
        from tidegate.adapters.warninglists import refresh_lists

        return refresh_lists(self.warninglists, self._http(outside=True), now)

    def refresh_old_warninglists(self, until: Callable[[], bool] = bool) -> None:
        """Bring them if nobody has for a day; stop between two if `until` says so."""
        from tidegate.adapters.warninglists import old

        if old(self.warninglists, now()):
            for _ in takewhile(lambda _: not until(), self.refresh_warninglists()):
                pass
