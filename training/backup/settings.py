"""Backup settings: `[backup]` of `recsys.toml`, `RECSYS_BACKUP_*`."""

from typing import ClassVar

from pydantic import Field

from recsys.config import SettingsSection


class BackupSettings(SettingsSection):
    """Where `recsys backup` goes, and how many backups stay there."""

    section: ClassVar[str] = "backup"

    to: str | None = Field(
        default=None,
        min_length=1,
        description="folder or URL (s3://bucket/shop) of a `recsys backup` without one",
    )
    keep: int = Field(default=14, ge=0, description="newest backups that stay there; 0 keeps all")
