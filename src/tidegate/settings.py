"""The environment and `tidegate.yaml`, read and checked once.

Every setting is an environment variable `TIDEGATE_<NAME>`, or a key of the same lower-case name in
`tidegate.yaml`; the environment wins. Secrets come from the environment alone.
"""

import os
from pathlib import Path
from typing import Any, Self

from pydantic import Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from tidegate.canonical import Rejected, Shape, canonical
from tidegate.model import Kind


class Settings(BaseSettings):
    """What a deployment decides. The description of each field is its documentation."""

    model_config = SettingsConfigDict(
        env_prefix="TIDEGATE_",
        yaml_file="tidegate.yaml",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,  # it holds secrets
    )

    home: Path = Field(Path(".tidegate"), description="Folder of all local state.")
    port: int = Field(8080, ge=0, le=65535, description="Port of the local web server.")

    abusech_key: SecretStr | None = Field(
        None, description="Auth-Key of abuse.ch: URLhaus, ThreatFox, MalwareBazaar."
    )
    otx_key: SecretStr | None = Field(None, description="API key of AlienVault OTX.")
    abuseipdb_key: SecretStr | None = Field(None, description="API key of AbuseIPDB.")
    anomali_key: SecretStr | None = Field(
        None, description="Of Anomali ThreatStream, as its header has it: `apikey user:key`."
    )
    taxii_authorization: SecretStr | None = Field(
        None, description="Authorization header of the TAXII server: `Basic ...`, `Bearer ...`."
    )
    feeds_off: list[str] = Field([], description="Feeds that are not run.")
    feed_urls: dict[str, str] = Field(
        {}, description="Another address for a feed, by its name: a mirror, or a paid plan's."
    )
    page: Path | None = Field(None, description="Folder of the built web page.")

    defender_url: HttpUrl | None = Field(
        None, description="Base URL of Defender for Endpoint; unset = the simulated tenant."
    )
    graph_url: HttpUrl | None = Field(
        None, description="Base URL of Microsoft Graph; unset = the simulated tenant."
    )
    entra_url: HttpUrl | None = Field(
        None, description="Token endpoint of the tenant; unset = the simulated tenant."
    )
    client_id: str | None = Field(None, description="Application id for Defender and Graph.")
    client_secret: SecretStr | None = Field(None, description="Secret of that application.")
    vmray_url: HttpUrl | None = Field(
        None, description="Base URL of the VMRay server; unset = the simulated one."
    )
    vmray_key: SecretStr | None = Field(None, description="API key of VMRay.")
    resubmit_after_days: int = Field(
        7, ge=0, description="A VMRay analysis older than this is made anew; 0 = always."
    )

    gate_cap: int = Field(15_000, ge=0, le=15_000, description="Defender's limit of indicators.")
    gate_headroom: int = Field(500, ge=0, description="Slots of the cap that are left free.")
    gate_min_score: float = Field(
        50.0, ge=0, le=100, description="Indicators that score less are never proposed."
    )
    gate_apply: bool = Field(
        default=False, description="Whether the timer applies the plan to a real tenant unasked."
    )
    allow_list: list[str] = Field(
        [], description="Domains, addresses and networks that are never indicators."
    )

    tables: Path | None = Field(
        None, description="Folder of local tables, a file per table; unset = synthetic ones."
    )
    geo_database: Path | None = Field(None, description="A .mmdb file that locates addresses.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic names it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic names it
        **_: Any,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the file."""
        return init_settings, env_settings, _File(settings_cls)

    @property
    def feed_keys(self) -> dict[str, str]:
        """The keys of feeds that are set, by the name that `feed.yaml` gives them."""
        keys = {
            "ABUSECH_KEY": self.abusech_key,
            "OTX_KEY": self.otx_key,
            "ABUSEIPDB_KEY": self.abuseipdb_key,
            "ANOMALI_KEY": self.anomali_key,
            "TAXII_AUTHORIZATION": self.taxii_authorization,
        }
        return {name: key.get_secret_value() for name, key in keys.items() if key}

    @model_validator(mode="before")
    @classmethod
    def _spelled(cls, given: Any) -> Any:
        """Refuse variables that are no settings: pydantic forbids them in files alone."""
        known = {f"TIDEGATE_{name}".upper() for name in cls.model_fields}
        ours = [name for name in os.environ if name.upper().startswith("TIDEGATE_")]
        if unknown := sorted(name for name in ours if name.upper() not in known):
            raise ValueError(f"no such setting: {', '.join(unknown)}")
        return given

    @field_validator("allow_list")
    @classmethod
    def _readable(cls, entries: list[str]) -> list[str]:
        """Bring entries to one spelling: `*.Corp.example` means corp.example and all below it."""
        return [_allowed(entry) for entry in entries]

    @model_validator(mode="after")
    def _whole_tenant(self) -> Self:
        """A tenant is set whole or not at all: half of one would send real alerts nowhere."""
        parts = {
            "defender_url": self.defender_url,
            "graph_url": self.graph_url,
            "entra_url": self.entra_url,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "vmray_url": self.vmray_url,
            "vmray_key": self.vmray_key,
        }
        missing = [name for name, value in parts.items() if value is None]
        if missing and len(missing) < len(parts):
            raise ValueError(f"the tenant is set only in part; missing: {', '.join(missing)}")
        return self

    @property
    def simulated(self) -> bool:
        """Whether the tenant is the simulated one."""
        return self.defender_url is None


class _File(YamlConfigSettingsSource):
    """`tidegate.yaml`, which is committed sooner or later, so it holds no secrets."""

    def __call__(self) -> dict[str, Any]:
        given = super().__call__()
        fields = self.settings_cls.model_fields
        secret = {name for name, field in fields.items() if field.annotation == SecretStr | None}
        if found := sorted(given.keys() & secret):
            raise ValueError(f"{found[0]} is a secret: set it in the environment")
        return given


def _allowed(entry: str) -> str:
    for kind in (Shape.ADDRESS, Kind.DOMAIN):
        try:
            return canonical(kind, entry)[1]
        except Rejected:
            continue
    raise ValueError(f"{entry!r} is no address, network or domain")
