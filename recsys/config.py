"""Settings: default < `recsys.toml` < `RECSYS_*`.  An unknown key is an error that names the nearest right one."""

import os
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from recsys.errors import BadSettings

FILE_NAME = "recsys.toml"
PREFIX = "RECSYS_"
SECTIONS = ("catalogue", "models", "placements", "serve", "train", "weights")


class Section(BaseSettings):
    """One table of `recsys.toml`; its fields are also `RECSYS_<TABLE>_<FIELD>`.  The top level has no table name."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_nested_delimiter="__")
    section: ClassVar[str] = ""
    file: ClassVar[Path | None] = None

    @classmethod
    def load(cls, file: Path | None = None, env: Mapping[str, str] | None = None) -> Self:
        """Settings from that file (when it is there) and the environment.  Raises BadSettings with the key to mend."""
        known = tuple(cls.model_fields)
        _refuse_unknown(_file_keys(file, cls.section), known, where=str(file), section=cls.section)
        _refuse_unknown(_env_keys(env or os.environ, cls.section), known, where="the environment", section=cls.section)
        bound = type(cls.__name__, (cls,), {"file": file, "__module__": cls.__module__, "__doc__": cls.__doc__})
        try:
            return bound(_env_prefix=_prefix(cls.section))
        except ValidationError as error:
            raise BadSettings(_sentence(error, cls.section)) from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        if cls.file is None or not cls.file.is_file():
            return (init_settings, env_settings)
        return (init_settings, env_settings, _Table(settings_cls, cls.file, cls.section))


class _Table(TomlConfigSettingsSource):
    """One table of the file; at the top level, everything that is no table of somebody else."""

    def __init__(self, settings_cls: type[BaseSettings], file: Path, section: str) -> None:
        self._section = section
        super().__init__(settings_cls, file)

    def _read_file(self, file_path: Path) -> dict[str, Any]:
        whole = read_toml(file_path)
        if self._section:
            return dict(whole.get(self._section, {}))
        return {key: value for key, value in whole.items() if key not in SECTIONS}


class ShopSettings(Section):
    """Where the shop's data lives."""

    database_url: str | None = Field(default=None, description="PostgreSQL URL; without it events go to a SQLite file")
    redis_url: str | None = Field(default=None, description="Redis URL; without it answers are cached in process only")


def read_toml(file: Path) -> dict[str, Any]:
    """The file as tables.  Raises BadSettings with the line that is wrong."""
    try:
        return tomllib.loads(file.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{file}: not valid TOML: {error}") from None


def table(file: Path | None, name: str) -> dict[str, Any]:
    """One table of the file, empty when it is not there."""
    return dict(read_toml(file).get(name, {})) if file is not None and file.is_file() else {}


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a misspelt word: the nearest known one, else all of them."""
    known = sorted(known)
    close = get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"


def _prefix(section: str) -> str:
    return f"{PREFIX}{section.upper()}_" if section else PREFIX


def _file_keys(file: Path | None, section: str) -> list[str]:
    if file is None or not file.is_file():
        return []
    whole = read_toml(file)
    return list(whole.get(section, {})) if section else [key for key in whole if key not in SECTIONS]


def _env_keys(env: Mapping[str, str], section: str) -> list[str]:
    prefix = _prefix(section)
    keys = (key.removeprefix(prefix).lower() for key in env if key.startswith(prefix))
    if section:
        return [key.split("__")[0] for key in keys]
    others = tuple(f"{name}_" for name in SECTIONS)
    return [key for key in keys if key != "home" and not key.startswith(others)]


def _refuse_unknown(keys: Iterable[str], known: tuple[str, ...], *, where: str, section: str) -> None:
    for key in keys:
        if key not in known:
            place = f"[{section}] " if section else ""
            tables = () if section else SECTIONS
            raise BadSettings(f"{where}: {place}{key} is no setting; {nearest(key, (*known, *tables))}")


def _sentence(error: ValidationError, section: str) -> str:
    first = error.errors()[0]
    name = ".".join([section, *map(str, first["loc"])]).strip(".")
    return f"setting {name} = {first['input']!r}: {first['msg']}"
