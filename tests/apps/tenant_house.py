"""A house on Azure with a simulated tenant, for tests and the programs that they start."""

import os
from dataclasses import replace
from datetime import timedelta
from functools import cached_property

from tidegate.adapters.http import HttpClient
from tidegate.detonate import Policy as Detonation
from tidegate.detonate import hurried
from tidegate.hygiene import Policy
from tidegate.simulator import entra
from tidegate.wiring import Azure, Tenant


class Here(Azure):
    """The house on Azure whose tenant is at TENANT, and answers within a second."""

    has_tenant = True

    @cached_property
    def tenant(self) -> Tenant:
        url = os.environ["TENANT"]
        return Tenant(
            defender=url,
            graph=f"{url}/v1.0",
            vmray=url,
            sentinel=url,
            token=f"{url}/simulated/oauth2/v2.0/token",
            client=entra.CLIENT,
            secret=entra.SECRET,
            vmray_key="simulated",
        )

    def _http(self, **_: object) -> HttpClient:
        return self._open.enter_context(HttpClient(retries=0, allow_private=True))

    @cached_property
    def policy(self) -> Policy:
        return Policy(simulated=True)

    def _detonation_policy(self) -> Detonation:
        return replace(hurried(Detonation(hygiene=self.policy)), recheck_every=timedelta(days=1))
