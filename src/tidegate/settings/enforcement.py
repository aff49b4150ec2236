"""The part of the settings that is about the gate: caps, scores, and how fast anything changes."""

from pydantic import Field
from pydantic_settings import BaseSettings

from tidegate.model import Kind, Tlp


class Enforcement(BaseSettings):
    """What may be enforced, how much of it, and who decides."""

    gate_cap: int = Field(15_000, ge=0, le=15_000, description="Defender's limit of indicators.")
    gate_headroom: int = Field(500, ge=0, description="Slots of the cap that are left free.")
    gate_min_score: float = Field(
        50.0, ge=0, le=100, description="Indicators that score less are never proposed."
    )
    gate_tlp: Tlp = Field(
        Tlp.AMBER_STRICT, description="The strictest marking that may go to the own Defender."
    )
    gate_apply: bool = Field(
        default=False, description="Whether the timer applies the plan to a real tenant unasked."
    )
    gate_ask_above: int = Field(
        1_500, ge=0, description="A plan of more changes than this waits for a person, always."
    )
    gate_churn: int = Field(
        1_000, ge=0, description="Indicators that may come or give way to better ones an hour."
    )
    gate_dwell_hours: float = Field(
        24.0, ge=0, description="So long an indicator stays before it gives way to a better one."
    )
    gate_floors: dict[Kind, int] = Field(
        {}, description='The best of a kind that get slots before all others: `{"sha256": 500}`.'
    )
    gate_ceilings: dict[Kind, int] = Field(
        {}, description='The most slots that a kind may have: `{"ipv4": 6000}`.'
    )
    gate_block_score: float = Field(
        75.0,
        ge=0,
        le=100,
        description="From this score on Defender blocks, and lists have it; below, it audits.",
    )
    gate_warn_score: float | None = Field(
        None, ge=0, le=100, description="From this score on it warns; unset = it never does."
    )
    gate_remediate_score: float | None = Field(
        None, ge=0, le=100, description="From here on it removes files, too; unset = never."
    )
    gate_device_groups: list[str] = Field(
        [],
        description="Device groups that the indicators are for; none = all devices. Changed, it"
        " moves those of other groups; what is for all devices stays so until it ends.",
    )
    sentinel_cap: int = Field(
        15_000, ge=0, le=1_000_000, description="Indicators that are uploaded to Sentinel."
    )
    lists_cap: int = Field(
        20_000, ge=0, le=1_000_000, description="Indicators that lists and exports hold."
    )
