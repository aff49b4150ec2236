"""Who may read what is published."""

import re
from collections.abc import Iterator

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
LEAST = 16  # characters of a password


class Readers(BaseSettings):
    """Names and passwords for those who can show no API key."""

    readers: dict[str, SecretStr] = Field(
        {},
        description="Who may read lists, exports and TAXII, by name, with their passwords:"
        ' `{"firewall": "sixteen characters or more"}`; unset = this machine, or the API key.',
    )
    partners: dict[str, SecretStr] = Field(
        {}, description="Others who may read what is for others: exports, MISP, TAXII's `shared`."
    )

    map_anonymous: bool = Field(
        default=False, description="Whether anybody may read the map: for a public demo."
    )
    map_refresh_anonymous: bool = Field(
        default=False,
        description="Whether anybody who may read it may refresh it, too; never by force.",
    )
    map_reader_role: str = Field(
        "reader", min_length=1, description="Role of signed-in people who may read the map."
    )
    map_refresher_role: str = Field(
        "refresher", min_length=1, description="Role of those who may refresh it, and read it."
    )
    refreshes_per_minute: int = Field(
        20, ge=1, description="Datasets of the map that one caller may have refreshed a minute."
    )

    @field_validator("readers", "partners")
    @classmethod
    def _hard_to_guess(cls, given: dict[str, SecretStr]) -> dict[str, SecretStr]:
        """Refuse names that Basic authentication cannot say, and passwords that can be tried."""
        for name, password in given.items():
            if not NAME.fullmatch(name):
                raise ValueError("a name is made of letters, digits, dots, dashes and underscores")
            if len(password.get_secret_value()) < LEAST:
                raise ValueError(f"the password of {name} has under {LEAST} characters")
        return given

    def shared_by_readers(self) -> Iterator[str]:
        """Nobody is both one of ours and a partner, and no password opens both doors."""
        secrets = [
            {one.get_secret_value() for one in each.values()}
            for each in (self.readers, self.partners)
        ]
        if self.readers.keys() & self.partners.keys() or secrets[0] & secrets[1]:
            yield "readers and partners share a name or a password"
