"""The gate: what is enforced where, within which bounds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from tidegate.wiring.detonation import Detonating

if TYPE_CHECKING:
    from tidegate.gate.plan import Actions
    from tidegate.gate.world import Target, World

# Each upload of the same indicator to Sentinel is a new row that is paid for.
SENTINEL_HOLDS = timedelta(days=30)


class Gating(Detonating):
    """The world of `gate`."""

    @cached_property
    def gate(self) -> World:
        """The world of `gate`. In the simulated tenant nothing has to wait: nobody is disturbed.

        Without a tenant it chooses for firewalls and partners.
        """
        from uuid import uuid4

        from tidegate.gate.world import Lists, World

        settings, simulated = self.settings, self.settings.simulated
        return World(
            knowledge=self.knowledge,
            targets=tuple(filter(None, (self._in_defender, self._in_sentinel))),
            objects=self.objects,
            ledger=self.ledger,
            new_lease=lambda: str(uuid4()),
            least_score=settings.gate_min_score,
            churn=None if simulated else settings.gate_churn,
            dwell=timedelta(hours=settings.gate_dwell_hours),
            ask_above=None if simulated else settings.gate_ask_above,
            lists=Lists(
                settings.lists_cap, up_to=settings.gate_tlp, block=settings.gate_block_score
            ),
            feedback=self.feedback if self.has_tenant else None,
            devices=self.devices if self.has_tenant else None,
        )

    def _rejudge(self) -> None:
        super()._rejudge()
        if "gate" in vars(self):
            heard = self.gate.feedback and self.feedback
            self.gate = replace(self.gate, knowledge=self.knowledge, feedback=heard)

    @property
    def _in_defender(self) -> Target | None:
        from tidegate.gate.world import Target

        if not self.has_tenant:
            return None
        settings = self.settings
        return Target(
            name="defender",
            title="Microsoft Defender",
            enforcement=self.enforcement,
            limit=settings.gate_cap,
            headroom=settings.gate_headroom,
            floors=settings.gate_floors,
            ceilings=settings.gate_ceilings,
            actions=self._actions,
            up_to=settings.gate_tlp,
            asks=not (settings.simulated or settings.gate_apply),
            address=self.tenant.defender,
        )

    @property
    def _in_sentinel(self) -> Target | None:
        """Hunting, not blocking: nobody is asked, and what is common may be looked for."""
        from tidegate.gate.plan import Actions
        from tidegate.gate.select import ENFORCEABLE
        from tidegate.gate.world import Target
        from tidegate.model import Kind

        if not self.has_tenant or self.sentinel is None:
            return None
        return Target(
            name="sentinel",
            title="Microsoft Sentinel",
            enforcement=self.sentinel,
            limit=self.settings.sentinel_cap,
            kinds=(*ENFORCEABLE, Kind.CIDR),
            actions=Actions(block=0.0),  # it knows no actions: another one would be no news
            up_to=self.settings.gate_tlp,
            holds=SENTINEL_HOLDS,
            context=True,
            blocks=False,
            address=self.tenant.sentinel,
        )

    @property
    def _actions(self) -> Actions:
        from tidegate.gate.plan import Actions

        settings = self.settings
        return Actions(
            block=settings.gate_block_score,
            warn=settings.gate_warn_score,
            remediate=settings.gate_remediate_score,
            groups=tuple(settings.gate_device_groups),
        )
