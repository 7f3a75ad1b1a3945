"""Settings of the shared registry: the table `[registry]`."""

import re
from typing import ClassVar

from pydantic import Field, field_validator

from recsys.config import SettingsSection


class RegistrySettings(SettingsSection):
    """Where several hosts share their releases: `[registry]`."""

    section: ClassVar[str] = "registry"

    url: str = Field(
        default="",
        description="`s3://BUCKET/PREFIX` that several hosts share releases in; without it they stay in the home",
    )
    look_every_s: float = Field(
        default=2.0, gt=0, le=3_600, description="seconds between two looks of a service for what became live there"
    )
    timeout_s: float = Field(
        default=10.0, gt=0, le=600, description="longest wait for an answer of the object storage, seconds"
    )

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        if url and re.fullmatch(r"s3://[^/\s]+(/\S*)?", url) is None:
            raise ValueError("write s3://BUCKET/PREFIX")
        return url
