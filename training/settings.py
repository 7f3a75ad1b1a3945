"""Training settings: `[train]` of `recsys.toml`, `RECSYS_TRAIN_*`."""

from typing import ClassVar

from pydantic import Field

from recsys.config import SettingsSection

TUNED = "tuned.toml"  # in the home: the result of `recsys tune`; recsys.toml overrides it
CHECKPOINTS = "run/checkpoints"  # in the home: state of a long fit, from which the same training goes on


class TrainSettings(SettingsSection):
    """Settings of one training run."""

    section: ClassVar[str] = "train"

    validation_days: int = Field(default=28, ge=1, description="days at the end of the log, held back for validation")
    spare_seconds: float = Field(default=240.0, ge=0, description="CPU seconds for optional models, foretold; 0: none")
    seed: int = Field(default=0, ge=0, description="the same seed over the same log gives the same bundle")
    unchanged_days: float = Field(
        default=7.0, ge=0, description="the same data and settings are learnt again only after so many days; 0: always"
    )
    niceness: int = Field(
        default=19,
        ge=0,
        le=19,
        description="how far training yields the CPU to serving on the same machine; 0 not at all, 19 fully",
    )
    erase_within_days: int = Field(
        default=14,
        ge=0,
        description="the next training deletes releases that hold a customer erased so many days ago",
    )
    keep_releases: int = Field(
        default=5, ge=1, description="newest releases that stay on disk; the live one always stays"
    )
