"""The tenant: where it is, how to be let in, and the worlds that need one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from tidegate.wiring.knowledge import Known
from tidegate.wiring.state import now

if TYPE_CHECKING:
    from tidegate import detonate as detonation
    from tidegate import ports
    from tidegate.gate import run as gate


@dataclass(frozen=True, slots=True)
class Tenant:
    """Where Defender, Graph and VMRay are, and how to be let in."""

    defender: str
    graph: str
    token: str
    client: str
    secret: str
    vmray: str
    vmray_key: str


class Tenancy(Known):
    """The worlds of `gate` and `detonate`, in a tenant that is simulated unless set."""

    @cached_property
    def tenant(self) -> Tenant:
        """The tenant of the settings, or the simulated one, which is started for us."""
        settings = self.settings
        if settings.defender_url is None:
            return self._simulated()
        return Tenant(
            defender=_base(settings.defender_url),
            graph=_base(settings.graph_url),
            token=_base(settings.entra_url),
            client=settings.client_id or "",
            secret=settings.client_secret.get_secret_value() if settings.client_secret else "",
            vmray=_base(settings.vmray_url),
            vmray_key=settings.vmray_key.get_secret_value() if settings.vmray_key else "",
        )

    def _simulated(self) -> Tenant:
        from tidegate.simulator import entra, server

        tenant = server.Tenant(self.settings.home / "tenant")
        url = tenant.start()
        self._open.callback(tenant.stop)
        return Tenant(
            defender=url,
            graph=f"{url}/v1.0",
            token=f"{url}/simulated/oauth2/v2.0/token",
            client=entra.CLIENT,
            secret=entra.SECRET,
            vmray=url,
            vmray_key=tenant.scene.api_key,
        )

    @cached_property
    def gate(self) -> gate.World:
        """The world of `gate`."""
        from tidegate.adapters.defender_indicators import DefenderIndicators
        from tidegate.gate.run import World

        return World(
            knowledge=self.knowledge,
            enforcement=DefenderIndicators(self._defender, self.tenant.defender),
            limit=self.settings.gate_cap,
            headroom=self.settings.gate_headroom,
            least_score=self.settings.gate_min_score,
            up_to=self.settings.gate_tlp,
        )

    @cached_property
    def detonate(self) -> detonation.World:
        """The world of `detonate`."""
        from pydantic import SecretStr

        from tidegate.adapters.defender import DefenderAlerts, DefenderDevices
        from tidegate.adapters.entra import GRAPH_SCOPE
        from tidegate.adapters.graph import GraphIncidents
        from tidegate.adapters.local.cases import SqliteCases
        from tidegate.adapters.local.ledger import SqliteLedger
        from tidegate.adapters.local.queue import SqliteQueue
        from tidegate.adapters.vmray import VmraySandbox
        from tidegate.detonate import World

        tenant, plain = self.tenant, self._http()
        return World(
            alerts=DefenderAlerts(self._defender, tenant.defender),
            devices=DefenderDevices(self._defender, plain, tenant.defender),
            sandbox=VmraySandbox(plain, tenant.vmray, SecretStr(tenant.vmray_key)),
            incidents=GraphIncidents(self._entra(GRAPH_SCOPE), tenant.graph),
            enforcement=self.gate.enforcement,
            sightings=self.sightings,
            objects=self.objects,
            cases=SqliteCases(self.database),
            queue=SqliteQueue(self.database, now),
            ledger=SqliteLedger(self.database),
            clock=now,
            policy=self._detonation_policy(),
        )

    def _detonation_policy(self) -> detonation.Policy:
        from tidegate.detonate import Policy as Detonation
        from tidegate.detonate import hurried

        stale = timedelta(days=self.settings.resubmit_after_days)
        policy = Detonation(hygiene=self.policy, resubmit_after=stale)
        return hurried(policy) if self.settings.simulated else policy

    @cached_property
    def _defender(self) -> ports.Http:
        from tidegate.adapters.entra import DEFENDER_SCOPE

        return self._entra(DEFENDER_SCOPE)

    def _entra(self, scope: str) -> ports.Http:
        from tidegate.adapters.entra import Authorized, ClientCredentials

        tenant, http = self.tenant, self._http()
        tokens = ClientCredentials(http, tenant.token, tenant.client, tenant.secret, scope, now)
        return Authorized(http, tokens)


def _base(url: object) -> str:
    return str(url).rstrip("/")
