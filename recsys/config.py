"""Settings: default < `recsys.toml` < `RECSYS_*`.  An unknown key is an error that names the nearest right one."""

import os
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from heapq import nlargest
from os.path import commonprefix
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from recsys.errors import BadSettings
from recsys.redaction import HIDDEN, redacted

SETTINGS_FILE = "recsys.toml"
MAX_COMPARED = 100  # known words that a misspelt one is compared with, and that a hint names
MAX_COMPARED_LENGTH = 80  # characters of a word that count
PREFIX = "RECSYS_"
NO_SETTINGS = ("cause", "home")  # options of the command line that are variables, too
SECTIONS = (
    "backup",
    "campaigns",
    "canary",
    "catalogue",
    "console",
    "customers",
    "gate",
    "influence",
    "keep",
    "limits",
    "models",
    "notify",
    "placements",
    "promotions",
    "registry",
    "rules",
    "schedule",
    "serve",
    "sources",
    "spark",
    "train",
    "weights",
)


class SettingsSection(BaseSettings):
    """A table of `recsys.toml`; its fields are also `RECSYS_<TABLE>_<FIELD>`.  The top level has no table name."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_nested_delimiter="__", env_prefix_target="all", allow_inf_nan=False
    )
    section: ClassVar[str] = ""

    @classmethod
    def load(cls, file: Path | None = None, env: Mapping[str, str] | None = None) -> Self:
        """Settings from that file, if it exists, and the environment.  Raises BadSettings with the wrong key."""
        environ = os.environ if env is None else env
        known = tuple(field.alias or name for name, field in cls.model_fields.items())
        from_file = _file_values(file, cls.section)
        _refuse_unknown(from_file, known, where=str(file), section=cls.section)
        _refuse_unknown(_env_keys(environ, cls.section), known, where="the environment", section=cls.section)
        try:
            return cls(**_merged(from_file, _Environment(cls, environ, _prefix(cls.section))()))
        except ValidationError as error:
            raise BadSettings(_sentence(error, cls)) from None
        except SettingsError as error:
            raise BadSettings(f"the environment: {redacted(str(error))}; write lists and tables as JSON") from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


class _Environment(EnvSettingsSource):
    """The given environment instead of that of the process."""

    def __init__(self, settings_cls: type[BaseSettings], env: Mapping[str, str], prefix: str) -> None:
        self._environ = env
        super().__init__(settings_cls, env_prefix=prefix)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {key.lower(): value for key, value in self._environ.items()}


class ShopSettings(SettingsSection):
    """Addresses of the shop's data."""

    database_url: str | None = Field(
        None, repr=False, description="PostgreSQL URL; without it events go to a SQLite file"
    )
    redis_url: str | None = Field(
        None,
        repr=False,
        description="Redis URL, of a cluster `redis+cluster://HOST:PORT,HOST:PORT`; without it processes share none",
    )


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


class WeightSettings(SettingsSection):
    """Weight of an event by its kind, before decay: `[weights]`.  A negative weight means dislike."""

    section: ClassVar[str] = "weights"

    view: float = Field(default=0.05, description="looked at the item's page")
    click: float = Field(default=0.05, description="clicked it in a list")
    wishlist: float = Field(default=0.2, description="put it on the wish list")
    cart: float = Field(default=0.3, description="put it in the basket")
    purchase: float = Field(default=1.0, description="bought it")
    return_: float = Field(default=-1.0, alias="return", description="sent it back")
    rating: float = Field(default=1.0, description="rated it: this times the rating")
    impression: float = Field(default=0.0, description="was shown it")
    dismiss: float = Field(default=-1.0, description="said: not for me")

    def by_kind(self) -> dict[str, float]:
        """Weight by the name of the kind; that of `rating` is per point of the rating."""
        return self.model_dump(by_alias=True)


class InfluenceSettings(SettingsSection):
    """How far customers whom only browsers know may move what is learnt: `[influence]`."""

    section: ClassVar[str] = "influence"

    unvouched_share: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="most of an item's weight that comes from customers of whom only a browser's key sent events",
    )


class CatalogueSettings(SettingsSection):
    """Items that are excluded from everything: `[catalogue]`."""

    section: ClassVar[str] = "catalogue"

    never_show: dict[str, frozenset[str]] = Field(
        default_factory=dict,
        description="values by attribute (category, brand, ...): such items are never shown and never learnt from",
    )


class RulesSettings(SettingsSection):
    """File of the merchandising rules: `[rules]`."""

    section: ClassVar[str] = "rules"

    file: str = Field(
        default="rules.toml", min_length=1, description="file of the rules; a path in the home, or from /"
    )


class KeepSettings(SettingsSection):
    """For how many days data is kept: `[keep]`; 0 is for ever."""

    section: ClassVar[str] = "keep"

    view_days: int = Field(default=0, ge=0, description="days for which view events are kept")
    click_days: int = Field(default=0, ge=0, description="days for which click events are kept")
    cart_days: int = Field(default=0, ge=0, description="days for which cart events are kept")
    wishlist_days: int = Field(default=0, ge=0, description="days for which wishlist events are kept")
    purchase_days: int = Field(default=0, ge=0, description="days for which purchase events are kept")
    return_days: int = Field(default=0, ge=0, description="days for which return events are kept")
    rating_days: int = Field(default=0, ge=0, description="days for which rating events are kept")
    impression_days: int = Field(default=0, ge=0, description="days for which impression events are kept")
    dismiss_days: int = Field(default=0, ge=0, description="days for which dismiss events are kept")
    fact_days: int = Field(default=0, ge=0, description="days for which facts are kept; statements of consent stay")
    shown_days: int = Field(default=90, ge=1, description="days for which the answer log is kept")
    reject_days: int = Field(default=0, ge=0, description="the same of files with lines that imports refused")
    import_days: int = Field(
        default=0,
        ge=0,
        description="the same of records of imports; without one, --correct of that file is not possible",
    )
    audit_days: int = Field(
        default=730, ge=0, description="the same of the audit: who saw which customer in the console, who changed what"
    )
    run_days: int = Field(default=0, ge=0, description="the same of runs; of each job the newest 1,000 at most")

    @classmethod
    def load(cls, file: Path | None = None, env: Mapping[str, str] | None = None) -> Self:
        """The same; `[serve] shown_days`, where it was before, counts if `[keep]` does not say it."""
        keep = super().load(file, env)
        former = (os.environ if env is None else env).get("RECSYS_SERVE_SHOWN_DAYS")
        former = read_table(file, "serve").get("shown_days") if former is None else former
        if former is None or "shown_days" in keep.model_fields_set:
            return keep
        try:
            return cls.model_validate({**keep.model_dump(exclude_unset=True), "shown_days": former})
        except ValidationError as error:
            raise BadSettings(_sentence(error, cls)) from None


def rules_time_zone(home: Path, file: Path | None) -> str | None:
    """The `timezone` of the rules of a home; None without rules, or where they name none.  Raises BadSettings."""
    zone = _read_if_there(home / RulesSettings.load(file).file).get("timezone")
    return zone if isinstance(zone, str) else None


def source_settings(file: Path | None, name: str, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The table `[sources.NAME]`; `RECSYS_SOURCES_NAME_URL` stands for its `url`.  Raises BadSettings."""
    tables = read_table(file, "sources")
    url = (os.environ if env is None else env).get(f"{PREFIX}SOURCES_{name.upper().replace('-', '_')}_URL")
    if name not in tables and url is None:
        raise BadSettings(
            f"--from {name}: {file or SETTINGS_FILE} has no [sources.{name}]; {spelling_hint(name, tables)}; an "
            "address looks like postgresql://…, s3://BUCKET/*.parquet or folder:/PATH"
        )
    table = tables.get(name, {})
    if not isinstance(table, Mapping):
        raise BadSettings(f"{file}: write [sources.{name}] as a table, and its settings below")
    return {**table, "url": url} if url else dict(table)


def read_toml(file: Path) -> dict[str, Any]:
    """The file as tables.  Raises BadSettings with the wrong line."""
    try:
        return tomllib.loads(file.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{file}: not valid TOML: {error}") from None
    except OSError as error:
        raise BadSettings(f"{file}: cannot be read: {error.strerror}") from None


def read_table(file: Path | None, name: str) -> dict[str, Any]:
    """A table of the file, empty when the file or the table is missing."""
    table = _read_if_there(file).get(name, {})
    if not isinstance(table, Mapping):
        raise BadSettings(f"{file}: {name} = {table!r} should be a table: write [{name}] and its settings below")
    return dict(table)


def spelling_hint(word: str, known: Iterable[str]) -> str:
    """A hint for a misspelt word: the nearest known word, else all of them.

    The time is bounded, whoever chose the words: of many, those of about the length that share
    most of its beginning are compared, and only so many are named.
    """
    known, word = sorted(known), word[:MAX_COMPARED_LENGTH]
    near = known
    if len(known) > MAX_COMPARED:
        similar = (name for name in known if abs(len(name) - len(word)) <= 2 and name[:1] == word[:1])
        near = nlargest(MAX_COMPARED, similar, key=lambda name: len(commonprefix((name, word))))  # noqa: RUF071
    close = get_close_matches(word, [name for name in near if len(name) <= 2 * MAX_COMPARED_LENGTH], n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    more = f" and {len(known) - MAX_COMPARED:,} more" if len(known) > MAX_COMPARED else ""
    return f"known: {', '.join(name[:MAX_COMPARED_LENGTH] for name in known[:MAX_COMPARED])}{more}"


def _prefix(section: str) -> str:
    return f"{PREFIX}{section.upper()}_" if section else PREFIX


def _file_values(file: Path | None, section: str) -> dict[str, Any]:
    """A table of the file; at the top level, all keys except the known tables."""
    if section:
        return read_table(file, section)
    return {key: value for key, value in _read_if_there(file).items() if key not in SECTIONS}


def _read_if_there(file: Path | None) -> dict[str, Any]:
    return read_toml(file) if file is not None and file.is_file() else {}


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both mappings, where the second wins, also within nested tables."""
    both = {**below, **above}
    for key in below.keys() & above.keys():
        if isinstance(below[key], Mapping) and isinstance(above[key], Mapping):
            both[key] = _merged(below[key], above[key])
    return both


def _env_keys(env: Mapping[str, str], section: str) -> list[str]:
    prefix = _prefix(section)
    keys = (key.removeprefix(prefix).lower() for key in env if key.startswith(prefix))
    if section:
        return [key.split("__")[0] for key in keys]
    others = tuple(f"{name}_" for name in SECTIONS)
    return [key for key in keys if key not in NO_SETTINGS and not key.startswith(others)]


def _refuse_unknown(keys: Iterable[str], known: tuple[str, ...], *, where: str, section: str) -> None:
    for key in keys:
        if key not in known:
            place = f"[{section}] " if section else ""
            tables = () if section else SECTIONS
            raise BadSettings(f"{where}: {place}{key} is no setting; {spelling_hint(key, (*known, *tables))}")


def _sentence(error: ValidationError, settings: type[SettingsSection]) -> str:
    """What is wrong with the first wrong setting; a secret is not repeated."""
    first = error.errors()[0]
    name = ".".join([settings.section, *map(str, first["loc"])]).strip(".")
    fields: Mapping[str, FieldInfo] = settings.model_fields
    is_secret = False
    for part in map(str, first["loc"]):
        if part not in fields:
            break
        is_secret |= not fields[part].repr
        kind = fields[part].annotation
        fields = kind.model_fields if isinstance(kind, type) and issubclass(kind, BaseModel) else {}
    if first["type"] == "extra_forbidden":  # its value may be a secret under a misspelt name
        return f"{name} is no setting; {spelling_hint(str(first['loc'][-1]), fields)}"
    return redacted(f"setting {name} = {HIDDEN if is_secret else repr(first['input'])}: {first['msg']}")
