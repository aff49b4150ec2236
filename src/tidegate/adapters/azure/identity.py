"""Who we are on Azure, and tokens for it."""

from dataclasses import dataclass, field

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.identity import DefaultAzureCredential

from tidegate.ports import SourceDown

# The SDK's own time-outs are five minutes, and of an endpoint that keeps silent it asks four times.
BOUNDS = {"connection_timeout": 5, "read_timeout": 10}
# Asks past the SDK's own cache. App Service's may still hold what was refused, for up to a day.
ANEW = '{"access_token": {"nbf": {"essential": true}}}'


def credential(client_id: str | None) -> TokenCredential:
    """Return the identity of this process; nothing is asked yet.

    In turn: a service principal in the environment's variables, a workload identity, the managed
    identity (`client_id` says which; None is the system's own) and, for development, whoever is
    signed in to the Azure CLI. The first that answers is asked from then on.

    No guess hangs on a Function. The first two are looked up in variables alone. The managed
    identity is asked at IDENTITY_ENDPOINT, which App Service sets, and which is on this machine:
    the search for a machine's metadata service, which is slow wherever packets vanish, begins only
    where that variable is not set, and is bounded even there. The variable AZURE_TOKEN_CREDENTIALS
    (`prod`, or the name of one of the four) makes the row shorter.

    Excluded is what serves a person at a desk, each of which starts a program or reads somebody's
    cache: Visual Studio Code, PowerShell, the Developer CLI, the shared token cache, the browser
    and the broker.
    """
    return DefaultAzureCredential(
        # Given even when None: else the SDK takes AZURE_CLIENT_ID, which may be a principal's.
        managed_identity_client_id=client_id,
        exclude_shared_token_cache_credential=True,
        exclude_visual_studio_code_credential=True,
        exclude_powershell_credential=True,
        exclude_developer_cli_credential=True,
        exclude_interactive_browser_credential=True,
        exclude_broker_credential=True,
        **BOUNDS,
    )


@dataclass(frozen=True, slots=True)
class IdentityTokens:
    """`entra.Tokens` of an identity for one scope. The SDK keeps them. Safe for threads."""

    credential: TokenCredential = field(repr=False)
    scope: str

    def token(self, *, instead_of: str | None = None) -> str:
        """See `entra.Tokens`."""
        found = self._asked()
        if found == instead_of:
            found = self._asked(claims=ANEW)
        if found == instead_of:
            raise SourceDown("the identity has no other token than the one that was refused")
        return found

    def _asked(self, claims: str | None = None) -> str:
        try:
            return self.credential.get_token(self.scope, claims=claims).token
        # ValueError: the endpoint speaks no JSON.
        except (AzureError, ValueError) as error:
            raise SourceDown(f"no token for {self.scope}: {said(error)!r}") from error


def said(error: AzureError | ValueError) -> str:
    """Return what an SDK's error says, in one line; of a row of identities, what each said.

    Never the body of an answer, which some errors show and which may hold a secret.
    """
    lines = str(getattr(error, "message", error)).splitlines() or [""]
    attempts = [line.strip()[:150] for line in lines if line.startswith("\t")]
    return "; ".join(attempts[:9]) or lines[0].strip()[:200]
