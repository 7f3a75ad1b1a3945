"""Training settings: `[train]` of `recsys.toml`, `RECSYS_TRAIN_*`."""

from typing import ClassVar

from pydantic import Field

from recsys.config import SettingsSection

TUNED = "tuned.toml"  # in the home: the result of `recsys tune`; recsys.toml overrides it


class TrainSettings(SettingsSection):
    """Settings of one training run."""

    section: ClassVar[str] = "train"

    validation_days: int = Field(
        default=28, ge=1, description="the last so many days judge what the days before taught"
    )
    spare_seconds: float = Field(
        default=240.0, ge=0, description="for how long models that are not always made may be tried; 0 tries none"
    )
    seed: int = Field(default=0, ge=0, description="the same seed over the same log gives the same bundle")
    niceness: int = Field(
        default=19,
        ge=0,
        le=19,
        description="how far a training gives way to who serves on the same machine; 0 not at all, 19 at once",
    )
    erase_within_days: int = Field(
        default=14,
        ge=0,
        description="releases that hold a customer erased so long ago go with the next training, kept ones too",
    )
    keep_releases: int = Field(default=5, ge=1, description="so many newest bundles stay on disk, the live one always")
