"""Settings of promotions: `[promotions]`."""

from typing import ClassVar

from pydantic import Field

from recsys.config import SettingsSection


class PromotionSettings(SettingsSection):
    """Ranking of offers: `[promotions]`."""

    section: ClassVar[str] = "promotions"

    margin_share: float = Field(
        default=0.25, ge=0, le=1, description="share of the price that is margin, for items whose cost is unknown"
    )
