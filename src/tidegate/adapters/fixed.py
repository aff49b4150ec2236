"""A secret that stands in the settings."""

from dataclasses import dataclass, field

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class FixedSecret:
    """`ports.Secret` with one value for as long as the process runs."""

    secret: SecretStr = field(repr=False)

    def value(self) -> str:
        """See `ports.Secret`."""
        return self.secret.get_secret_value()

    def renewed(self, instead_of: str) -> str:  # noqa: ARG002 - there is no other
        """See `ports.Secret`: it is what it was, as nobody can say better."""
        return self.value()
