"""The part of the settings that is about logs: where the map and the gate read them."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from pydantic import Field, HttpUrl
from pydantic_settings import BaseSettings


class Workspace(BaseSettings):
    """A Log Analytics workspace, or tables that stand in for one."""

    workspace_id: UUID | None = Field(
        None,
        description="Log Analytics workspace whose logs are on the map, and in which the gate looks"
        " for matches; unset = local tables.",
    )
    workspace_url: HttpUrl = Field(
        HttpUrl("https://api.loganalytics.azure.com"),
        description="Host of its query API; clouds of governments have their own.",
    )
    workspace_scope: str | None = Field(
        None, description="Scope of its tokens; unset = `/.default` of that host."
    )
    tables: Path | None = Field(
        None,
        description="Folder of local tables, a file per table, instead; unset = synthetic ones, but"
        " none on Azure.",
    )

    def logs_from_both(self) -> Iterator[str]:
        """Logs come from one place."""
        if self.workspace_id is not None and self.tables is not None:
            yield "workspace_id and tables exclude each other"
