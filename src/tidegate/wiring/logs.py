"""Where logs are read: in a workspace, or in tables of this machine."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from tidegate.wiring.knowledge import Known
from tidegate.wiring.state import now

if TYPE_CHECKING:
    from tidegate import ports
    from tidegate.adapters.entra import Tokens

ANSWERS = 620.0  # seconds: the service works on a query for ten minutes


class Logs(Known):
    """The logs of the map and of the gate's feedback."""

    def _map_logs(self) -> ports.LogSource:
        settings = self.settings
        if self.workspace is not None:
            from tidegate.adapters.recent_answers import RecentAnswers

            return RecentAnswers(self.workspace, self.cache, str(settings.workspace_id))
        if settings.tables or settings.synthetic:
            from tidegate.adapters.local.duckdb_kql import LocalLogs

            return LocalLogs(settings.tables or settings.home / "tables", now)
        from tidegate.adapters.no_logs import NoLogs

        return NoLogs("no workspace is set: TIDEGATE_WORKSPACE_ID")

    @cached_property
    def workspace(self) -> ports.LogSource | None:
        """The Log Analytics workspace; None where none is set."""
        from tidegate.adapters.entra import Authorized
        from tidegate.adapters.http import HttpClient
        from tidegate.adapters.loganalytics import LogAnalytics

        settings = self.settings
        if settings.workspace_id is None:
            return None
        # It tells itself when a query is too long or it is too busy: that is not tried again here.
        client = HttpClient(
            retries=2,
            timeout=ANSWERS,
            total=2 * ANSWERS,
            allow_private=settings.simulated,
            secrets=settings.secrets,
        )
        url = str(settings.workspace_url).rstrip("/")
        tokens = self._workspace_tokens(settings.workspace_scope or f"{url}/.default")
        http = Authorized(self._open.enter_context(client), tokens)
        return LogAnalytics(http, url, str(settings.workspace_id), now)

    def _workspace_tokens(self, scope: str) -> Tokens:
        """Return tokens of the settings' application, or of the identity: never a simulated one."""
        settings = self.settings
        if settings.entra_url is None:
            from tidegate.adapters.azure.identity import IdentityTokens

            return IdentityTokens(self.identity, scope)
        from pydantic import SecretStr

        from tidegate.adapters.entra import ClientCredentials
        from tidegate.adapters.fixed import FixedSecret

        client, secret = settings.client_id or "", settings.client_secret or SecretStr("")
        url = str(settings.entra_url).rstrip("/")
        return ClientCredentials(self._http(), url, client, FixedSecret(secret), scope, now)

    def invent_logs(self) -> None:
        """Bring the synthetic tables up to the hour, where there are no others."""
        from tidegate.simulator.tables import write_tables

        if self.settings.synthetic:
            write_tables(self.settings.home / "tables", now(), uploads=self._uploads())

    def _uploads(self) -> list[dict[str, Any]]:
        """Return what was uploaded to the simulated workspace, where there has been one."""
        from tidegate.simulator.memory import remembered
        from tidegate.simulator.sentinel import ROWS

        return remembered(self.settings.home / "tenant", ROWS) if self.settings.simulated else []
