"""Gate settings: `[gate]` of `recsys.toml`, `RECSYS_GATE_*`."""

from typing import ClassVar

from pydantic import Field

from recsys.config import SettingsSection


class GateSettings(SettingsSection):
    """What a release has to hold to go live by itself."""

    section: ClassVar[str] = "gate"

    days: float = Field(default=28.0, gt=0, description="days at the end of the log whose purchases judge a release")
    customers: int = Field(default=2_000, ge=30, description="customers who are drawn to judge, at most")
    worst_loss: float = Field(
        default=0.02,
        gt=0,
        lt=1,
        description="share that the lower end of the 95 % interval may lose to the live release",
    )
    worst_floor_loss: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="best-sellers and own frequency may not win by more than this share beyond chance",
    )
    worst_group_loss: float = Field(
        default=0.05, gt=0, lt=1, description="no group of customers may lose more than this share beyond chance"
    )
    least_coverage: float = Field(
        default=0.8, ge=0, le=1, description="share of the items that the live release shows which must be shown again"
    )
    drift: float = Field(
        default=0.3, gt=0, description="customers, items, events and repeat share may change by this share"
    )
