"""Settings of the console: the table `[console]`."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from recsys.config import SettingsSection

PictureHost = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+$")]


class ConsoleSettings(SettingsSection):
    """The `[console]` table."""

    section: ClassVar[str] = "console"

    host: str = Field(default="127.0.0.1", description="address to listen on; 0.0.0.0 for all")
    port: int = Field(default=8010, ge=0, le=65_535, description="port to listen on")
    service: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/]+(/\S*)?$",
        description="URL of the service that answers; without it a worker of the console's own",
    )
    own_worker: bool = Field(
        default=True,
        description="without `service`: a worker of its own answers, so that clicks never keep the service busy; "
        "off: the service of `[serve]` on this machine",
    )
    niceness: int = Field(
        default=10, ge=0, le=19, description="how far the console and its worker stand back, when CPU time is scarce"
    )
    picture_hosts: tuple[PictureHost, ...] = Field(
        default=(),
        description="hosts of pictures of products, such as https://cdn.shop.example",
    )
    idle_minutes: float = Field(default=30.0, gt=0, le=1_440, description="signed out after so long without a click")
    session_hours: float = Field(default=12.0, gt=0, le=168, description="signed out after so long in any case")
    upload_mb: int = Field(default=256, ge=1, le=4_096, description="largest file that operators upload, MiB")
    import_minutes: float = Field(default=60.0, gt=0, le=1_440, description="longest import of an upload")
    import_memory_mb: int = Field(default=2_048, ge=256, description="most memory of an import of an upload, MiB")
    evaluation_minutes: float = Field(
        default=240.0, gt=0, le=1_440, description="longest evaluation that is started here"
    )
    evaluation_memory_mb: int = Field(default=8_192, ge=256, description="most memory of such an evaluation, MiB")
    wait_s: float = Field(default=60.0, gt=0, le=600, description="longest wait for an answer of the service, seconds")
