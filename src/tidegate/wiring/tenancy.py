"""The tenant: where it is, how to be let in, and what can be enforced in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tidegate.wiring.knowledge import Known
from tidegate.wiring.state import now

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate import ports
    from tidegate.adapters.entra import Tokens
    from tidegate.settings import Settings


SIMULATED_WORKSPACE = UUID(int=0xBB)


@dataclass(frozen=True, slots=True)
class Tenant:
    """Where Defender, Graph, Sentinel and VMRay are, and how to be let in.

    `token` is the token endpoint of an application; None: the identity of the process.
    """

    defender: str
    graph: str
    vmray: str
    sentinel: str
    token: str | None = None
    client: str = ""
    secret: str = field(default="", repr=False)
    vmray_key: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Tenant:
        """Return the tenant of the settings."""
        secret, key = settings.client_secret, settings.vmray_key
        return cls(
            defender=_base(settings.defender_url),
            graph=_base(settings.graph_url),
            vmray=_base(settings.vmray_url),
            sentinel=_base(settings.sentinel_url),
            token=_base(settings.entra_url) if settings.entra_url else None,
            client=settings.client_id or "",
            secret=secret.get_secret_value() if secret else "",
            vmray_key=key.get_secret_value() if key else None,
        )


class Tenancy(Known):
    """The tenant, simulated unless set."""

    @property
    def has_tenant(self) -> bool:
        """Whether there is one: on Azure it may come later, and no simulated one stands in."""
        return self.settings.defender_url is not None or self.settings.simulated

    @cached_property
    def tenant(self) -> Tenant:
        """The tenant of the settings, or the simulated one, which is started for us."""
        if self.settings.defender_url is None:
            return self._simulated()
        return Tenant.of(self.settings)

    def _simulated(self) -> Tenant:
        from tidegate.simulator import entra, server

        tenant = server.Tenant(self.settings.home / "tenant", logs=self._simulated_logs)
        url = tenant.start()
        self._open.callback(tenant.stop)
        return Tenant(
            defender=url,
            graph=f"{url}/v1.0",
            vmray=url,
            sentinel=url,
            token=f"{url}/simulated/oauth2/v2.0/token",
            client=entra.CLIENT,
            secret=entra.SECRET,
            vmray_key=tenant.scene.api_key,
        )

    def _simulated_logs(self, kql: str, start: datetime, end: datetime) -> dict[str, Any]:
        """Answer for the simulated workspace, from the tables that are invented for the map."""
        from tidegate.adapters.local.duckdb_kql import LocalLogs

        return LocalLogs(self.settings.home / "tables", now).response(kql, start, end)

    @cached_property
    def ledger(self) -> ports.Ledger:
        """What was begun and done outside."""
        from tidegate.adapters.local.ledger import SqliteLedger

        return SqliteLedger(self.database)

    @cached_property
    def enforcement(self) -> ports.Enforcement:
        """Defender's custom indicators."""
        from tidegate.adapters.defender_indicators import DefenderIndicators

        return DefenderIndicators(self._defender, self.tenant.defender)

    @cached_property
    def sentinel(self) -> ports.Enforcement | None:
        """Sentinel's threat intelligence; None where a tenant has no workspace set."""
        workspace = self.settings.sentinel_workspace
        if workspace is None and not self.settings.simulated:
            return None
        from tidegate.adapters.sentinel import SentinelIndicators

        return SentinelIndicators(
            self._authorized(self.settings.sentinel_scope),
            self.tenant.sentinel,
            str(workspace or SIMULATED_WORKSPACE),
            self.settings.sentinel_sourcesystem,
            self.objects,
            now,
        )

    def tokens(self, scope: str) -> Tokens:
        """Return what gives us tokens for a scope: the application of the tenant, or the identity.

        An application asks by a client of its own, never by the one that carries its tokens.
        """
        from tidegate.adapters.entra import ClientCredentials

        tenant = self.tenant
        if tenant.token is None:
            return self._identity_tokens(scope)
        http = self._http()
        return ClientCredentials(http, tenant.token, tenant.client, tenant.secret, scope, now)

    def _identity_tokens(self, scope: str) -> Tokens:
        from tidegate.adapters.azure.identity import IdentityTokens

        return IdentityTokens(self.identity, scope)

    @cached_property
    def _defender(self) -> ports.Http:
        return self._authorized(self.settings.defender_scope)

    @cached_property
    def _graph(self) -> ports.Http:
        return self._authorized(self.settings.graph_scope)

    def _authorized(self, scope: str) -> ports.Http:
        from tidegate.adapters.budgeted import Budgeted
        from tidegate.adapters.entra import Authorized

        # What fails is tried again by the queue, later: a retry in between would not be counted.
        http = self._http(retries=0)
        return Authorized(Budgeted(http, self.budgets, now), self.tokens(scope))


def _base(url: object) -> str:
    return str(url).rstrip("/")
