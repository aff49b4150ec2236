"""The part of the settings that is about the tenant, and about what is detonated in it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings

SHA256 = re.compile(r"[0-9a-f]{64}")


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error
    return text


def _digest(text: str) -> str:
    if not SHA256.fullmatch(text.lower()):
        raise ValueError(f"{text!r} is no SHA-256")
    return text.lower()


Patterns = list[Annotated[str, AfterValidator(_pattern)]]
Digests = list[Annotated[str, AfterValidator(_digest)]]
Action = Literal["Allowed", "Audit", "Warn", "Block"]
FileAction = Literal["Allowed", "Audit", "Warn", "Block", "BlockAndRemediate"]


class Detonation(BaseSettings):
    """Where the tenant is, which alerts are examined, what VMRay is told, what follows."""

    defender_url: HttpUrl | None = Field(
        None, description="Base URL of Defender for Endpoint; unset = the simulated tenant."
    )
    defender_scope: str = Field(
        "https://api.securitycenter.microsoft.com/.default",
        description="Scope of its tokens; clouds of governments have their own.",
    )
    graph_url: HttpUrl | None = Field(
        None, description="Base URL of Microsoft Graph, with its version: `.../v1.0`."
    )
    graph_scope: str = Field(
        "https://graph.microsoft.com/.default", description="Scope of its tokens."
    )
    sentinel_workspace: UUID | None = Field(
        None, description="Workspace that indicators are uploaded to for hunting; unset = none."
    )
    sentinel_url: HttpUrl = Field(
        HttpUrl("https://api.ti.sentinel.azure.com"),
        description="Base URL of Sentinel's upload API; the simulated tenant has its own.",
    )
    sentinel_scope: str = Field(
        "https://management.azure.com/.default", description="Scope of its tokens."
    )
    sentinel_sourcesystem: str = Field(
        "Tidegate",
        min_length=1,
        max_length=100,
        description="SourceSystem of the uploaded indicators, as Sentinel shows it.",
    )
    entra_url: HttpUrl | None = Field(
        None,
        description="Token endpoint of an application with a secret; unset = the identity of the"
        " process: a managed one, on Azure.",
    )
    client_id: str | None = Field(None, description="Application id for Defender and Graph.")
    client_secret: SecretStr | None = Field(None, description="Secret of that application.")
    alerts_from: Literal["defender", "graph"] = Field(
        "defender", description="Whose alerts are read: Defender for Endpoint's, or all of XDR's."
    )
    key_vault_url: HttpUrl | None = Field(
        None, description="Key Vault that holds `vmray_key`; read with the identity."
    )
    vmray_url: HttpUrl | None = Field(None, description="Base URL of the VMRay server.")
    vmray_key: SecretStr | None = Field(
        None, description="API key of VMRay; unset = the secret of `vmray_secret` in the vault."
    )
    vmray_secret: str = Field("VmrayApiKey", description="Name of that secret in the vault.")
    vmray_ca: Path | None = Field(
        None, description="Certificates (PEM) that sign a VMRay server of one's own."
    )

    alert_statuses: list[str] = Field(
        ["New", "InProgress"], description="Alerts that are examined: status; empty = all."
    )
    alert_severities: list[str] = Field([], description="Their severity; empty = all.")
    alert_sources: list[str] = Field(
        ["WindowsDefenderAtp", "WindowsDefenderAv"],
        description="Their detection source; empty = all.",
    )
    alert_categories: list[str] = Field([], description="Their category; empty = all.")
    alert_titles: Patterns = Field(
        [], description="Patterns of which one must be found in their title; empty = all."
    )
    alert_titles_not: Patterns = Field([], description="Patterns that leave an alert out.")
    alert_groups: list[str] = Field([], description="Device groups; empty = all.")
    alert_tags: list[str] = Field(
        [], description="Tags of which the device must have one; empty = all."
    )
    alert_least_age_minutes: int = Field(
        0, ge=0, le=1_440, description="How old an alert must be: evidence lags behind it."
    )
    custom_indicator_alerts: bool = Field(
        default=False, description="Whether alerts of others' custom indicators are examined."
    )
    evidence_hashes_not: Digests = Field([], description="SHA-256 of files never examined.")
    evidence_urls_not: Patterns = Field([], description="Patterns of URLs never examined.")

    upload_documents: bool = Field(
        default=False,
        description="Whether documents and mails are shown to the sandbox, not only their hashes.",
    )
    upload_groups_not: list[str] = Field(
        [], description="Device groups whose files and URLs are never shown to the sandbox."
    )
    quarantine: bool = Field(
        default=True, description="Whether files are fetched out of Defender's quarantine."
    )
    quarantine_hours: int = Field(
        72, ge=1, le=720, description="How far back the quarantine is looked through."
    )
    spread: bool = Field(default=True, description="Whether is asked where else a bad file is.")
    resubmit_after_days: int = Field(
        7, ge=0, description="A VMRay analysis older than this is made anew; 0 = always."
    )
    detonations_daily: int | None = Field(
        None, ge=0, description="Submissions a day; unset = no limit. The severe come first."
    )
    indicator_days: int = Field(
        30, ge=1, le=365, description="How long indicators of a detonation hold."
    )
    file_action: FileAction = Field("Block", description="What Defender does with malicious files.")
    network_action: Action = Field(
        "Block", description="What it does with malicious addresses, domains and URLs."
    )
    responses: Path | None = Field(
        None, description="A `responses.yaml`: what is done, asked and left alone, where."
    )

    vmray_shareable: bool = Field(
        default=False, description="Whether VMRay may pass a sample's hash on, to VirusTotal."
    )
    vmray_analyzer_mode: (
        Literal[
            "reputation",
            "reputation_static",
            "reputation_static_dynamic",
            "static_dynamic",
            "static",
        ]
        | None
    ) = Field(None, description="How VMRay analyses; unset = as its account says.")
    vmray_analysis_caching: Literal["disabled", "enabled", "smart"] | None = Field(
        None, description="Whether VMRay reuses analyses; unset = as its account says."
    )
    vmray_max_jobs: int | None = Field(None, ge=1, description="Jobs of one submission at most.")
    vmray_max_recursive: int | None = Field(
        None, ge=0, description="Dropped samples of one submission that are analysed, at most."
    )
    vmray_retention_days: Literal[0, 60, 120, 180, 360] | None = Field(
        None, description="How long VMRay keeps what was submitted; unset = as its account says."
    )
    vmray_archive_action: Literal["sample", "compound_sample", "separate_samples"] | None = Field(
        None, description="What becomes of archives."
    )
    vmray_archive_password: SecretStr | None = Field(None, description="Password of archives.")
    vmray_document_password: SecretStr | None = Field(None, description="Password of documents.")
    vmray_net_scheme: str | None = Field(None, description="Name of the network that samples see.")
    vmray_seconds: int | None = Field(
        None, ge=10, le=3_600, description="How long a sample runs; unset = as its account says."
    )
    vmray_tags: list[str] = Field(["Tidegate"], description="Tags of every submission.")
    vmray_unlock: bool = Field(
        default=False, description="Whether locked reports are unlocked, which may cost quota."
    )
    vmray_children: int = Field(
        20, ge=0, le=200, description="Dropped samples whose indicators are read, at most."
    )
    webhook_url: HttpUrl | None = Field(
        None, description="Where VMRay tells that it has finished: `https://.../api/finished`."
    )
    webhook_key: SecretStr | None = Field(
        None, min_length=16, description="Signs what VMRay is to send there."
    )

    def half_a_tenant(self) -> Iterator[str]:
        """A tenant is set whole or not at all: half of one would send real alerts nowhere."""
        key = self.vmray_key or self.key_vault_url
        parts: dict[str, object] = {
            "defender_url": self.defender_url,
            "graph_url": self.graph_url,
            "vmray_url": self.vmray_url,
            "vmray_key or key_vault_url": key,
        }
        app = {
            "entra_url": self.entra_url,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        if any(value is not None for value in app.values()):
            parts |= app
        missing = [name for name, value in parts.items() if value is None]
        if missing and len(missing) < len(parts):
            yield f"the tenant is set only in part; missing: {', '.join(missing)}"
        if self.sentinel_workspace is not None and missing:
            yield "sentinel_workspace goes with a tenant; missing: defender_url"

    def half_a_webhook(self) -> Iterator[str]:
        """A webhook that nobody signs would let anybody wake us."""
        if (self.webhook_url is None) != (self.webhook_key is None):
            yield "webhook_url and webhook_key go together"
