"""Addresses of import sources: a URL, a folder, or the name of a table `[sources.NAME]` that holds one."""

from dataclasses import dataclass
from pathlib import Path

from recsys.config import source_settings
from recsys.errors import BadInput, BadSettings
from recsys.redaction import redacted
from training.sources.folder import SETTLE_S, FolderSource
from training.sources.objects import ObjectSource
from training.sources.postgres import PostgresSource
from training.sources.source import ImportSource

FOLDER, POSTGRES = "folder:", ("postgresql://", "postgres://")


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """What to read: an address or a name, and how; see the options of `recsys import`."""

    address: str
    query: str | None = None
    watermark: str | None = None
    overlap: str | None = None
    settle_s: float | None = None
    is_moved: bool = False


def is_source_name(address: str) -> bool:
    """Whether it names a table of the settings."""
    return not ("://" in address or address.startswith(FOLDER) or "/" in address or Path(address).is_dir())


def open_source_at(request: SourceRequest, settings: Path | None, *, any_name: bool) -> ImportSource:
    """The source.  any_name: files may be called anything.  Raises BadInput, BadSettings."""
    address = _url_of(request.address, settings) if is_source_name(request.address) else request.address
    if address.startswith(POSTGRES):
        if not request.query:
            raise BadInput(f"{redacted(address, address)}: say which rows: --query 'select ...'")
        _refuse(request, "settle_s", "is_moved")
        return PostgresSource(address, request.query, request.watermark, request.overlap)
    if "://" in address:
        _refuse(request, "query", "watermark", "overlap", "settle_s", "is_moved")
        return ObjectSource(address)
    _refuse(request, "query", "watermark", "overlap")
    settle_s = SETTLE_S if request.settle_s is None else request.settle_s
    return FolderSource(Path(address.removeprefix(FOLDER)), settle_s, request.is_moved, any_name)


def _url_of(name: str, settings: Path | None) -> str:
    url = source_settings(settings, name).get("url")
    if not isinstance(url, str) or not url:
        raise BadSettings(f"[sources.{name}] has no url; write it there, or set RECSYS_SOURCES_{name.upper()}_URL")
    return url


def _refuse(request: SourceRequest, *names: str) -> None:
    options = {"settle_s": "--settle", "is_moved": "--move-done"}
    for name in names:
        if getattr(request, name) not in (None, False):
            raise BadInput(f"{options.get(name, f'--{name}')}: such a source has none; leave it out")
