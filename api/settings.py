"""Settings of the service: the tables `[serve]` and `[limits]`, and the home of the shop."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field

from recsys.bundle.signature import TrustedKeys, read_trusted_keys
from recsys.config import SETTINGS_FILE, KeepSettings, SettingsSection, ShopSettings
from recsys.shared_registry.settings import RegistrySettings
from recsys.threads import wrong_limits

HOME_VARIABLE = "RECSYS_HOME"
DEFAULT_HOME = ".recsys"
BUNDLES = "bundles"
KEYS = "keys.json"
KEYS_MARKER = "keys.required"
# Not RECSYS_...: it is no setting; `recsys serve` passes the path of its settings file to the workers in it.
FILE_VARIABLE = "_RECSYS_SETTINGS_FILE"


class ServeSettings(SettingsSection):
    """The `[serve]` table."""

    section: ClassVar[str] = "serve"

    host: str = Field(default="127.0.0.1", description="address to listen on; 0.0.0.0 for all")
    port: int = Field(default=8000, ge=0, le=65_535, description="port to listen on")
    workers: int = Field(default=1, ge=1, le=64, description="processes that answer, sharing the mapped bundle")
    keep_alive_s: int = Field(
        default=75, ge=1, description="an idle connection is kept so long; keep it above that of the proxy in front"
    )
    arrival_s: float = Field(
        default=30.0, gt=0, description="a request must arrive in full within that (or twice that)"
    )
    drain_s: float = Field(default=3.0, gt=0, description="how long a worker that ends still takes a last request")
    unsent_mb: int = Field(
        default=64, ge=1, description="answers in one worker that clients do not read, MiB; more, and those are closed"
    )
    cache_mb: int = Field(default=32, ge=0, description="memory of one worker for cached answers, MiB")
    remembered_customers: int = Field(
        default=10_000, ge=0, description="customers whose candidates a worker keeps for their next answer"
    )
    answer_ttl_s: int = Field(default=60, ge=1, description="an answer is made anew after at most that long, seconds")
    body_limit: int = Field(default=1_048_576, ge=1_024, description="largest request body, bytes")
    bodies_mb: int = Field(
        default=64, ge=1, description="large bodies (over 64 KiB) in one worker at a time, MiB; more are refused (503)"
    )
    batch_limit: int = Field(default=1_000, ge=1, le=10_000, description="most events or items in one request")
    work_limit: int = Field(
        default=25_600, ge=1_200, description="most items in all lists of one request: k x rows x queries"
    )
    look_every_s: float = Field(
        default=0.25, gt=0, le=60, description="seconds between two looks for a new live bundle"
    )
    segments_every_s: float = Field(
        default=60.0, ge=1, description="seconds between two looks for members of segments that rules name"
    )
    known_users: int = Field(default=50_000, ge=1, description="customers whose last event a worker keeps in mind")
    database_timeout_ms: int = Field(default=100, ge=1, description="longest wait for a database over the network")
    redis_connect_ms: int = Field(default=50, ge=1, description="longest wait for a connection to Redis")
    redis_read_ms: int = Field(default=20, ge=1, description="longest wait for an answer of Redis")
    probe_every_s: float = Field(default=1.0, gt=0, description="seconds between two tries of what is down")
    shed_after_ms: int = Field(
        default=250, ge=1, description="a list that waited that long for its turn is no longer made for its customer"
    )
    most_waiting: int = Field(
        default=1_000, ge=1, description="with more requests under way in a worker, lists are not made for customers"
    )
    keys_file: Path | None = Field(
        default=None, description="file of API keys, when it is not keys.json in home; see `recsys keys`"
    )
    own_names: tuple[str, ...] = Field(
        default=(), description="names of the service, such as shop.example, that may ask without keys, by a gateway"
    )
    trusted_keys: Path | None = Field(
        default=None,
        description="file of the keys that releases must be signed with, when it is not trusted.keys in home",
    )
    browser_purchases: bool = Field(
        default=False, description="browsers' keys, which everybody can read, may send purchases, returns and ratings"
    )
    log_answers: bool = Field(default=True, description="keep what was shown to whom, in shown.db of the home")
    shown_days: int | None = Field(default=None, ge=1, description="now in the table keep, which wins")
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="lines of the log: JSON, or short text; auto is text on a terminal"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least important line that is logged; debug has one line per request"
    )


class LimitSettings(SettingsSection):
    """The `[limits]` table: token buckets, off at 0.  A burst of 0 is two seconds' worth."""

    section: ClassVar[str] = "limits"

    key_per_s: float = Field(default=0.0, ge=0, le=1e6, description="requests a second of one API key")
    key_burst: int = Field(default=0, ge=0, le=1_000_000, description="requests of one API key at once")
    address_per_s: float = Field(
        default=0.0, ge=0, le=1e6, description="requests a second of one address without a key that counts"
    )
    address_burst: int = Field(default=0, ge=0, le=1_000_000, description="requests of one such address at once")


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Home and settings of the shop: everything that a worker needs to start.

    wrong_limits: wrong thread limits by name.
    """

    home: Path
    file: Path | None
    shop: ShopSettings
    serve: ServeSettings
    wrong_limits: Mapping[str, str] = field(default_factory=dict)
    limits: LimitSettings = field(default_factory=LimitSettings)
    keep: KeepSettings = field(default_factory=KeepSettings)
    registry: RegistrySettings = field(default_factory=RegistrySettings)

    @property
    def bundles(self) -> Path:
        return self.home / BUNDLES

    @property
    def keys_file(self) -> Path:
        return self.serve.keys_file or self.home / KEYS

    def trusted_keys(self) -> TrustedKeys | None:
        """The keys that releases must be signed with, None where no signature is asked for.  Raises UntrustedBundle."""
        return read_trusted_keys(self.home, self.serve.trusted_keys)

    @property
    def keys_marker(self) -> Path:
        """The file that says that this home has had keys."""
        return self.home / KEYS_MARKER

    @classmethod
    def load(cls, home: Path, file: Path | None, env: Mapping[str, str]) -> Self:
        """Raises BadSettings with the wrong key."""
        return cls(
            home,
            file,
            ShopSettings.load(file, env),
            ServeSettings.load(file, env),
            wrong_limits(env),
            LimitSettings.load(file, env),
            KeepSettings.load(file, env),
            RegistrySettings.load(file, env),
        )

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """The configuration in the environment; the settings file is `recsys.toml` in home when none is named."""
        home = Path(env.get(HOME_VARIABLE, DEFAULT_HOME))
        return cls.load(home, Path(env.get(FILE_VARIABLE, home / SETTINGS_FILE)), env)
