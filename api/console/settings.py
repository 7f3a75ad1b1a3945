"""Settings of the console: the tables `[console]` and `[console.oidc]`."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from recsys.config import SettingsSection
from recsys.errors import BadSettings

PictureHost = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+$")]


ISSUER = r"^$|^https://[^\s?#]+$|^http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?(/[^\s?#]*)?$"


class OidcSettings(BaseModel):
    """The `[console.oidc]` table: sign-in over OpenID Connect.  A secret may be `@` and the path of its file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(default="", pattern=ISSUER, description="address of the OpenID provider; empty: keys only")
    client_id: str = Field(default="", description="what the provider calls this console")
    client_secret: str = Field(
        default="", repr=False, description="secret of the client, or @ and a file; empty: a public client, by PKCE"
    )
    scopes: tuple[str, ...] = Field(default=("openid", "email", "profile"), description="what the provider is asked")
    title: str = Field(default="your company account", description="what the sign-in page calls it")
    url: str = Field(
        default="",
        pattern=r"^$|^https?://[^\s/]+$",
        description="address of the console in browsers, where a proxy hides it, such as https://console.shop.example",
    )
    person: str = Field(
        default="email", description="claim that names people in the audit; sub where it is missing or not verified"
    )
    claim: str = Field(default="groups", description="claim with the groups of a person; a path such as a.b is one too")
    viewer_groups: tuple[str, ...] = Field(default=(), description="groups whose people look")
    marketer_groups: tuple[str, ...] = Field(default=(), description="groups whose people change what a marketer may")
    operator_groups: tuple[str, ...] = Field(default=(), description="groups whose people may do everything")
    viewer_key: str = Field(
        default="", repr=False, description="key of scope viewer that stands for them, or @ and a file"
    )
    marketer_key: str = Field(default="", repr=False, description="the same of scope marketing")
    operator_key: str = Field(default="", repr=False, description="the same of scope admin")

    def groups(self, role: str) -> tuple[str, ...]:
        """Groups of the provider that have that role."""
        groups: tuple[str, ...] = getattr(self, f"{role}_groups")
        return groups

    def key(self, role: str) -> str:
        """The key with which people of that role ask the service.  Raises BadSettings."""
        return _secret(f"{role}_key", getattr(self, f"{role}_key"))

    def secret(self) -> str:
        """The secret of the client.  Raises BadSettings."""
        return _secret("client_secret", self.client_secret)


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
    oidc: OidcSettings = OidcSettings()
    wait_s: float = Field(default=60.0, gt=0, le=600, description="longest wait for an answer of the service, seconds")


def _secret(name: str, value: str) -> str:
    """The value, or what stands in the file that it names."""
    if not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"console.oidc.{name}: {value[1:]} cannot be read: {error}") from None
