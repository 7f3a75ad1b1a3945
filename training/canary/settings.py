"""Canary settings: `[canary]` of `recsys.toml`, `RECSYS_CANARY_*`."""

from typing import ClassVar

from pydantic import Field

from recsys.config import SettingsSection


class CanarySettings(SettingsSection):
    """When a canary goes forward."""

    section: ClassVar[str] = "canary"

    hours: float = Field(default=24.0, gt=0, le=720, description="a canary without fault goes forward after so long")
    worst_loss: float = Field(
        default=0.1,
        gt=0,
        lt=1,
        description="it goes forward earlier when it surely loses less than this share of clicks and of purchases",
    )
