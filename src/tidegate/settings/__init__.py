"""The environment and `tidegate.yaml`, read and checked once.

Every setting is an environment variable `TIDEGATE_<NAME>`, or a key of the same lower-case name in
`tidegate.yaml`; the environment wins. Secrets come from the environment alone.
"""

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import (
    Field,
    HttpUrl,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from tidegate.canonical import Rejected, Shape, canonical
from tidegate.declare.site import Site, written
from tidegate.model import Kind
from tidegate.settings.detonation import Detonation
from tidegate.settings.enforcement import Enforcement
from tidegate.settings.readers import Readers
from tidegate.settings.workspace import Workspace

NAMED = re.compile(r"\$([A-Z][A-Z0-9_]*)")  # a key, in an address


class Settings(Enforcement, Readers, Workspace, Detonation):
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

    cosmos_url: HttpUrl | None = Field(
        None, description="Endpoint of the Cosmos DB account; unset = all state is in `home`."
    )
    cosmos_key: SecretStr | None = Field(
        None, description="Key of that account; unset = the managed identity."
    )
    cosmos_database: str = Field("tidegate", description="Its database.")
    cosmos_daily_units: float | None = Field(
        None, ge=0, description="Request units that sightings may cost a day; unset = no limit."
    )
    storage_url: HttpUrl | None = Field(
        None, description="Blob endpoint of the storage account: https://NAME.blob.core..."
    )
    storage_connection: SecretStr | None = Field(
        None, description="Connection string instead of it, for Azurite and development."
    )
    storage_container: str = Field("tidegate", description="Its container of blobs.")
    storage_folders: list[str] = Field(
        ["datasets", "evidence", "locks"],
        description="Folders of blobs that have a container of their own, of the same name.",
    )
    identity_client_id: str | None = Field(
        None, description="Client id of the managed identity; unset = the system's own."
    )

    metrics: bool = Field(
        default=True, description="Whether figures are kept for `GET /api/metrics`."
    )
    metrics_anonymous: bool = Field(
        default=False, description="Whether others than this machine may read them without a key."
    )
    packaged_warninglists: bool = Field(
        default=True,
        description="Whether public warninglists count as MISP's package has them, until brought.",
    )
    telemetry_share: float = Field(
        1.0, ge=0, le=1, description="How much of all traces Application Insights is sent, 0 to 1."
    )
    telemetry_values: bool = Field(
        default=False,
        description="Whether log lines that it is sent may hold indicators and names of people.",
    )
    api_per_minute: int = Field(
        600, ge=1, description="Requests to the API that one key, or one address, has a minute."
    )
    runs_per_minute: int = Field(
        10, ge=1, description="Those of them that may start runs of feeds."
    )

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
    greynoise_key: SecretStr | None = Field(
        None, description="API key of GreyNoise, for `lookup --enrich`; it answers some without."
    )
    greynoise_daily: int = Field(50, ge=0, description="Requests to GreyNoise a day.")
    virustotal_key: SecretStr | None = Field(
        None, description="API key of VirusTotal, for `lookup --enrich`."
    )
    virustotal_daily: int = Field(500, ge=0, description="Requests to VirusTotal a day.")
    redis_url: SecretStr | None = Field(
        None, description="A Redis that keeps answers: `rediss://...`; unset = beside the state."
    )
    feeds_folder: Path | None = Field(
        None, description="Folder of one's own feeds: `NAME.yaml`, or `NAME/feed.yaml`."
    )
    feed_secrets: dict[str, SecretStr] = Field(
        {},
        description="Keys that headers of one's own feeds, or `feed_urls`, name:"
        ' `{"NAME": "the key"}`.',
    )
    feeds_off: list[str] = Field([], description="Feeds that are not run.")
    feed_urls: dict[str, str] = Field(
        {},
        description="Another address for a feed, by its name: a mirror, or a paid plan's;"
        " `NAME.history` for its full export. `$NAME` in it stands for a key of `feed_secrets`.",
    )
    feed_grades: dict[str, Literal["A", "B", "C", "D", "E", "F"]] = Field(
        {},
        description="Another reliability for a feed than its declaration has, by its name:"
        ' `{"cins": "D"}`, from A (completely) to F (cannot be judged).',
    )
    page: Path | None = Field(None, description="Folder of the built web page.")

    allow_list: list[str] = Field(
        [], description="Domains, addresses and networks that are never indicators."
    )
    own_domains: list[str] = Field(
        [], description="The organisation's own domains; they and all below are never indicators."
    )
    own_networks: list[str] = Field(
        [], description="Its own addresses and networks, those by which it reaches the world."
    )

    datasets_folder: Path | None = Field(
        None,
        description="Folder of one's own datasets for the map: `NAME/dataset.yaml` beside its"
        " `query.kql`, or a `sources.yaml`.",
    )
    sites: Annotated[list[Site], NoDecode] = Field(
        [],
        description="One's own sites, to which the map draws arcs:"
        " `Berlin=52.52,13.40; Oslo=59.91,10.75`.",
    )
    geo_database: Path | None = Field(None, description="A .mmdb file that locates addresses.")
    asn_database: Path | None = Field(
        None, description="A .mmdb file that says which AS an address is in; look-ups show it."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic names it
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic names it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic names it
        **_: Any,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the file."""
        return init_settings, _Environment(settings_cls), _File(settings_cls)

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
        given = self.feed_secrets | {name: key for name, key in keys.items() if key}
        return {name: key.get_secret_value() for name, key in given.items()}

    @property
    def feed_addresses(self) -> dict[str, str]:
        """The addresses of `feed_urls`, with the keys that they name."""
        keys = self.feed_keys

        def key(named: re.Match[str]) -> str:
            return quote(keys[named[1]], safe="")

        return {name: NAMED.sub(key, url) for name, url in self.feed_urls.items()}

    @property
    def secrets(self) -> frozenset[str]:
        """All values that nobody may be shown."""
        fields = (getattr(self, name) for name in type(self).model_fields)
        named = (self.feed_secrets, self.readers, self.partners)
        given = [
            *(one for each in named for one in each.values()),
            *(one for one in fields if one is not None),
        ]
        return frozenset(one.get_secret_value() for one in given if isinstance(one, SecretStr))

    def keys_of_nobody(self) -> Iterator[str]:
        """An address that names a key which nobody set leads nowhere."""
        named = {name for url in self.feed_urls.values() for name in NAMED.findall(url)}
        if missing := sorted(named - self.feed_keys.keys()):
            yield f"feed_urls names ${missing[0]}, which is not in feed_secrets"

    @model_validator(mode="wrap")
    @classmethod
    def _all_that_is_wrong(cls, given: Any, check: ModelWrapValidatorHandler[Self]) -> Self:
        """Say all that is wrong at once: each start that fails costs a deployment."""
        faults = [*_misspelled(cls.model_fields), *_unresolved()]
        faults += [
            _fault(f"{name} is a secret: set it in the environment", name)
            for name in given.pop(IN_THE_FILE, ())
        ]
        try:
            made = check(given)
        except ValidationError as error:
            faults += [_again(one) for one in error.errors(include_url=False)]
            wrong = {one["loc"][0] for one in faults if one.get("loc")}
            made = check({name: value for name, value in given.items() if name not in wrong})
        named = {name for one in faults for name in one.get("loc", ())}
        faults += [_fault(told) for told in made.contradictions() if not _words(told) & named]
        if faults:
            raise ValidationError.from_exception_data(cls.__name__, faults, hide_input=True)
        return made

    def contradictions(self) -> Iterator[str]:
        """Say which settings do not go together, each by its name."""
        yield from self.keys_of_nobody()
        yield from self.half_of_azure()
        yield from self.half_a_tenant()
        yield from self.half_a_webhook()
        yield from self.shared_by_readers()
        yield from self.logs_from_both()

    @field_validator("allow_list")
    @classmethod
    def _readable(cls, entries: list[str]) -> list[str]:
        """Bring entries to one spelling: `*.Corp.example` means corp.example and all below it."""
        shapes = (Shape.ADDRESS, Kind.DOMAIN)
        return [_one_of(shapes, entry, "address, network or domain") for entry in entries]

    @field_validator("own_domains")
    @classmethod
    def _domains(cls, entries: list[str]) -> list[str]:
        return [_one_of((Kind.DOMAIN,), entry, "domain") for entry in entries]

    @field_validator("own_networks")
    @classmethod
    def _networks(cls, entries: list[str]) -> list[str]:
        return [_one_of((Shape.ADDRESS,), entry, "address or network") for entry in entries]

    @field_validator("sites", mode="before")
    @classmethod
    def _places(cls, given: Any) -> Any:
        return written(given) if isinstance(given, str) else given

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, url: SecretStr | None) -> SecretStr | None:
        """Refuse what is no address of a Redis server, without showing it."""
        if url is not None:
            parts = urlsplit(url.get_secret_value())
            known = parts.scheme in {"redis", "rediss"} and parts.hostname
            if not known or parts.port == 0:
                raise ValueError("must be redis:// or rediss:// with a host")
        return url

    @field_validator("storage_url")
    @classmethod
    def _blobs(cls, given: HttpUrl | None) -> HttpUrl | None:
        """The queues' endpoint follows from that of the blobs; tokens travel over TLS alone."""
        if given is not None and (given.scheme != "https" or ".blob." not in str(given.host)):
            raise ValueError("not the blob endpoint of a storage account")
        return given

    @field_validator("storage_connection")
    @classmethod
    def _connects(cls, given: SecretStr | None) -> SecretStr | None:
        """Refuse what is no connection string; it is not shown."""
        if given is not None and "AccountName=" not in given.get_secret_value():
            raise ValueError("not a connection string: it has no AccountName")
        return given

    def half_of_azure(self) -> Iterator[str]:
        """State is on Azure whole or not at all: half of it would be lost with an instance."""
        storages = [one for one in (self.storage_url, self.storage_connection) if one is not None]
        if self.cosmos_url is None and (storages or self.cosmos_key is not None):
            yield "Azure is set only in part; missing: cosmos_url"
        if self.cosmos_url is not None and len(storages) != 1:
            yield "cosmos_url goes with one of storage_url and storage_connection"

    @property
    def on_azure(self) -> bool:
        """Whether the state is on Azure."""
        return self.cosmos_url is not None

    @property
    def simulated(self) -> bool:
        """Whether the tenant is the simulated one: never where the state is on Azure."""
        return self.defender_url is None and not self.on_azure

    @property
    def synthetic(self) -> bool:
        """Whether the logs are invented: never where the state is on Azure."""
        return self.workspace_id is None and self.tables is None and not self.on_azure


SECRET = (SecretStr | None, dict[str, SecretStr])
IN_THE_FILE = "secrets in tidegate.yaml"  # their names: to be told beside all else that is wrong


class _Environment(EnvSettingsSource):
    """The variables. One that is no JSON is left to be refused as what it should have been."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Read JSON, where it is some."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


class _File(YamlConfigSettingsSource):
    """`tidegate.yaml`, which is committed sooner or later, so it holds no secrets."""

    def __call__(self) -> dict[str, Any]:
        given = super().__call__()
        fields = self.settings_cls.model_fields
        secret = {name for name, field in fields.items() if field.annotation in SECRET}
        if found := sorted(given.keys() & secret):
            public = {name: value for name, value in given.items() if name not in secret}
            return public | {IN_THE_FILE: found}
        return given


def _misspelled(known: Collection[str]) -> Iterator[InitErrorDetails]:
    """Refuse variables that are no settings: pydantic forbids them in files alone."""
    names = {f"TIDEGATE_{name}".upper() for name in known}
    ours = (name for name in os.environ if name.upper().startswith("TIDEGATE_"))
    for name in sorted(one for one in ours if one.upper() not in names):
        yield _fault(f"no such setting: {name}")


def _unresolved() -> Iterator[InitErrorDetails]:
    """Refuse what Azure could not read from the vault: it gives its own reference as the value."""
    for name, value in sorted(os.environ.items()):
        if name.upper().startswith("TIDEGATE_") and value.startswith("@Microsoft.KeyVault("):
            yield _fault(f"{name}: its reference to the vault was not resolved")


def _fault(told: str, *where: int | str) -> InitErrorDetails:
    return {
        "type": PydanticCustomError("wrong", "{told}", {"told": told}),
        "loc": where,
        "input": None,
    }


def _again(fault: ErrorDetails) -> InitErrorDetails:
    """Return a fault so that it can be told beside others, without what was given."""
    return _fault(fault["msg"].removeprefix("Value error, "), *fault["loc"])


def _words(told: str) -> set[str]:
    return set(re.findall(r"\w+", told))


def _one_of(kinds: tuple[Kind | Shape, ...], entry: str, what: str) -> str:
    for kind in kinds:
        try:
            return canonical(kind, entry)[1]
        except Rejected:
            continue
    raise ValueError(f"{entry!r} is no {what}")
