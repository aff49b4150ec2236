"""The world of `detonate`: its stores, the tenant behind its ports, what the settings decide."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from tidegate.wiring.state import now
from tidegate.wiring.tenancy import Tenancy

if TYPE_CHECKING:
    from pydantic import SecretStr

    from tidegate import detonate as detonation
    from tidegate import ports
    from tidegate.adapters.roles import Need
    from tidegate.adapters.vmray_submit import Options
    from tidegate.declare.responses import Responses
    from tidegate.detonate.filters import Filters
    from tidegate.gate import feedback
    from tidegate.settings import Settings


log = logging.getLogger(__name__)


class Detonating(Tenancy):
    """Alerts, the sandbox, and the cases between them."""

    @cached_property
    def cases(self) -> ports.Cases:
        """All cases."""
        from tidegate.adapters.local.cases import SqliteCases

        return SqliteCases(self.database)

    @cached_property
    def case_turns(self) -> ports.Queue:
        """The cases that wait for a turn."""
        from tidegate.adapters.local.queue import SqliteQueue

        return SqliteQueue(self.database, now)

    @cached_property
    def rechecks(self) -> ports.Queue:
        """The artefacts whose verdict is looked at again."""
        from tidegate.adapters.local.queue import SqliteQueue

        return SqliteQueue(self.database, now, "rechecks")

    @cached_property
    def detonate(self) -> detonation.World:
        """The world of `detonate`."""
        from tidegate.adapters.graph import GraphIncidents
        from tidegate.adapters.hunting import GraphHunting
        from tidegate.adapters.recent import Recent
        from tidegate.detonate import World

        tenant = self.tenant
        return World(
            alerts=self._alerts(),
            devices=self.devices,
            hunting=GraphHunting(self._graph, tenant.graph),
            sandbox=self._sandbox(),
            incidents=GraphIncidents(self._graph, tenant.graph),
            enforcement=Recent(self.enforcement, now),
            sightings=self.sightings,
            objects=self.objects,
            cases=self.cases,
            queue=self.case_turns,
            rechecks=self.rechecks,
            ledger=self.ledger,
            budgets=self.budgets,
            clock=now,
            scratch=self.settings.home / "samples",
            policy=self._detonation_policy(),
        )

    @cached_property
    def devices(self) -> ports.Devices:
        """Machines and files, through Defender."""
        from tidegate.adapters.defender_devices import DefenderDevices

        return DefenderDevices(self._defender, self._http(), self.tenant.defender)

    @cached_property
    def feedback(self) -> feedback.World:
        """Where the gate hears what the tenant says of indicators."""
        from importlib import resources

        from tidegate.gate.feedback import World

        query = resources.files("tidegate.gate").joinpath("matches.kql").read_text("utf-8")
        return World(self.knowledge, self._alerts(), self.objects, self._logs(), query)

    def _rejudge(self) -> None:
        super()._rejudge()
        if "detonate" in vars(self):
            ruled = replace(self.detonate.policy, hygiene=self.policy)
            self.detonate = replace(self.detonate, policy=ruled)
        if "feedback" in vars(self):
            self.feedback = replace(self.feedback, knowledge=self.knowledge)

    def _logs(self) -> ports.LogSource | None:
        """Return the workspace's logs; None: there are none here."""
        return None

    def _backlog(self) -> tuple[int, float] | None:
        from tidegate.detonate.sweep import MOST, backlog

        if "detonate" not in self.__dict__:
            return None  # whoever never works on cases does not ask their store either
        return backlog(self.cases.unfinished(MOST), now())

    def missing_roles(self) -> list[Need]:
        """Return the app roles that we need and have not been given. Raises SourceDown."""
        from tidegate.adapters.roles import NEEDED, Api, missing, roles_of
        from tidegate.declare.responses import responses

        settings = self.settings
        wanted = needs(settings, responses(settings.responses))
        scopes = {Api.DEFENDER: settings.defender_scope, Api.GRAPH: settings.graph_scope}
        found: list[Need] = []
        for api, scope in scopes.items():
            needed = [NEEDED[name] for name in wanted if NEEDED[name].api is api]
            found += missing(roles_of(self.tokens(scope).token()), needed)
        return found

    def tell_missing_roles(self) -> None:
        """Write into the log, at the start, which permissions a real tenant has not given us."""
        from tidegate.ports import BadPayload, SourceDown

        if self.settings.defender_url is None:
            return
        try:
            for need in self.missing_roles():
                log.error("role %s of %s is missing: %s", need.role, need.api, need.switches_off)
        except (SourceDown, BadPayload) as error:
            log.warning("whether a role is missing is not known: %s", error)

    def _alerts(self) -> ports.Alerts:
        if self.settings.alerts_from == "graph":
            from tidegate.adapters.graph_alerts import GraphAlerts

            return GraphAlerts(self._graph, self.tenant.graph)
        from tidegate.adapters.defender import DefenderAlerts

        return DefenderAlerts(self._defender, self.tenant.defender)

    def _sandbox(self) -> ports.Sandbox:
        from tidegate.adapters.vmray import VmraySandbox

        http = self._http(authority=self.settings.vmray_ca)
        return VmraySandbox(http, self.tenant.vmray, self.vmray_key, self._vmray_options(), now)

    @cached_property
    def vmray_key(self) -> ports.Secret:
        """VMRay's key: that of the settings, else the newest one in the vault."""
        from pydantic import SecretStr

        from tidegate.adapters.fixed import FixedSecret

        if self.tenant.vmray_key is not None:
            return FixedSecret(SecretStr(self.tenant.vmray_key))
        from tidegate.adapters.azure.keyvault import VaultSecret, vault

        client = vault(str(self.settings.key_vault_url), self.identity)
        self._open.callback(client.close)
        return VaultSecret(client, self.settings.vmray_secret, now)

    def _vmray_options(self) -> Options:
        from tidegate.adapters.vmray_submit import Options, Webhook

        settings = self.settings
        key, url = settings.webhook_key, settings.webhook_url
        hook = Webhook(str(url), _shown(key) or "")
        return Options(
            shareable=settings.vmray_shareable,
            analyzer_mode=settings.vmray_analyzer_mode,
            analysis_caching=settings.vmray_analysis_caching,
            max_jobs=settings.vmray_max_jobs,
            max_recursive_samples=settings.vmray_max_recursive,
            retention_days=settings.vmray_retention_days,
            archive_password=_shown(settings.vmray_archive_password),
            archive_action=settings.vmray_archive_action,
            document_password=_shown(settings.vmray_document_password),
            net_scheme=settings.vmray_net_scheme,
            timeout_seconds=settings.vmray_seconds,
            tags=tuple(settings.vmray_tags),
            unlock=settings.vmray_unlock,
            children=settings.vmray_children,
            webhook=hook if url and key else None,
        )

    def _detonation_policy(self) -> detonation.Policy:
        from tidegate.declare.responses import responses
        from tidegate.detonate import Policy, hurried

        settings = self.settings
        policy = Policy(
            hygiene=self.policy,
            filters=self._filters(),
            responses=responses(settings.responses),
            documents=settings.upload_documents,
            no_upload_groups=_lower(settings.upload_groups_not),
            quarantine=settings.quarantine,
            quarantine_hours=settings.quarantine_hours,
            spread=settings.spread,
            daily=settings.detonations_daily,
            resubmit_after=timedelta(days=settings.resubmit_after_days),
            file_action=settings.file_action,
            network_action=settings.network_action,
            indicator_life=timedelta(days=settings.indicator_days),
            indicator_cap=settings.gate_cap,
        )
        return hurried(policy) if settings.simulated else policy

    def _filters(self) -> Filters:
        from tidegate.detonate.filters import Filters

        settings = self.settings
        return Filters(
            statuses=_lower(settings.alert_statuses),
            severities=_lower(settings.alert_severities),
            sources=self._sources(),
            categories=_lower(settings.alert_categories),
            groups=_lower(settings.alert_groups),
            tags=_lower(settings.alert_tags),
            titles=tuple(settings.alert_titles),
            not_titles=tuple(settings.alert_titles_not),
            custom_indicators=settings.custom_indicator_alerts,
            least_age=timedelta(minutes=settings.alert_least_age_minutes),
            hashes=frozenset(settings.evidence_hashes_not),
            urls=tuple(settings.evidence_urls_not),
        )

    def _sources(self) -> frozenset[str]:
        """Return the detection sources that are let in, those of custom indicators with them."""
        from tidegate.ports import CUSTOM

        wanted = _lower(self.settings.alert_sources)
        return wanted | CUSTOM if wanted and self.settings.custom_indicator_alerts else wanted


# What each response needs; the other needs do not depend on the policy.
RESPONSES = {
    "collect_package": "packages",
    "scan_device": "scans",
    "quarantine_file": "quarantine",
    "restrict_device": "restriction",
    "isolate_device": "isolation",
    "tag_device": "device_tags",
}


def needs(settings: Settings, rules: Responses) -> list[str]:
    """Return what needs an app role, by the names of `adapters.roles.NEEDED`."""
    alerts = ["graph_alerts"] if settings.alerts_from == "graph" else ["alerts", "alert_updates"]
    always = [*alerts, "devices", "live_response", "indicators", "incidents"]
    optional = {
        "library": settings.quarantine,
        "files": settings.spread,
        "hunting": settings.spread,
        **{need: rules.may(action) for action, need in RESPONSES.items()},
    }
    return [*always, *(name for name, wanted in optional.items() if wanted)]


def _lower(texts: list[str]) -> frozenset[str]:
    return frozenset(text.lower() for text in texts)


def _shown(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
