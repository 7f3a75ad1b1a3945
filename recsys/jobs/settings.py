"""Settings of notifications: `[notify]`."""

from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from recsys.config import SettingsSection

NotifiedVerdict = Literal["promoted", "rejected", "forced", "nothing_new", "done", "alarm", "failed", "died"]


class NotifySettings(SettingsSection):
    """Who hears of ended runs: `[notify]` of `recsys.toml`, `RECSYS_NOTIFY_*`."""

    section: ClassVar[str] = "notify"

    webhook: str = Field(default="", repr=False, description="URL that gets a signed POST for each ended run")
    secret: str = Field(default="", repr=False, description="secret that signs it: whsec_ and 24 to 64 bytes in base64")
    command: tuple[str, ...] = Field(
        default=(), description="program and arguments, run without a shell; it gets the notification on stdin"
    )
    on: frozenset[NotifiedVerdict] = Field(
        default=frozenset({"promoted", "rejected", "forced", "alarm", "failed", "died"}),
        description="verdicts that are notified",
    )

    @field_validator("webhook")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
            raise ValueError("it should be a URL such as https://shop.example/hooks/recsys")
        return url
