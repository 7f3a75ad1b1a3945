"""Objects in S3, or behind another fsspec address, as an import source: each is imported once for each content."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from recsys.data.files.readers import SUFFIXES
from recsys.errors import BadFile, BadInput, BadSettings
from recsys.redaction import redacted
from training.sources.source import SourcePart
from training.sources.state import SourceState

Listing = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ObjectSource:
    """Objects that an address with `*` matches (`**` also between slashes), or all data files below a prefix."""

    url: str

    @property
    def label(self) -> str:
        return redacted(self.url)

    @property
    def identity(self) -> str:
        return self.label

    def new_parts(self, state: SourceState, spool: Path) -> Iterator[SourcePart]:
        """Each object that is new or changed by ETag, else by size and time, in the order of names."""
        files, path = self.file_system()
        with self.errors():
            files.invalidate_cache()
            has_pattern = any(sign in path for sign in "*?[")
            listing: Listing = files.glob(path, detail=True) if has_pattern else files.find(path, detail=True)
        objects = {name: _fingerprint(entry) for name, entry in sorted(listing.items()) if entry["type"] == "file"}
        if not has_pattern and path not in objects:
            objects = {name: mark for name, mark in objects.items() if name.lower().endswith(SUFFIXES)}
        if not objects and not state.marks:
            raise BadFile(f"{self.label}: there is no object; check the address")
        for name, mark in objects.items():
            if state.marks.get(name) != mark:
                copy = spool / name.rpartition("/")[2]
                with self.errors():
                    files.get_file(name, str(copy))
                yield SourcePart(copy, f"{self.url.partition('://')[0]}://{name}", partial(state.save, name, mark))
                copy.unlink()

    def file_system(self) -> tuple[Any, str]:
        """Where the objects are, and the path there.  Raises BadSettings, BadInput."""
        try:
            from fsspec.core import url_to_fs

            return cast(tuple[Any, str], url_to_fs(self.url))
        except ModuleNotFoundError:
            raise BadSettings(f"{self.label}: fsspec is not here; pip install 'recsys-shop[s3]'") from None
        except ImportError as error:
            raise BadSettings(f"{self.label}: {error}") from None
        except ValueError as error:
            raise BadInput(f"{self.label}: {error}; write s3://BUCKET/*.parquet") from None

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Errors of the storage inside become BadFile."""
        try:
            yield
        except _read_errors() as error:
            reason = redacted(str(error) or type(error).__name__, self.url)
            raise BadFile(
                f"{self.label}: cannot be read ({reason}); check the address and the AWS_* variables"
            ) from None


def _read_errors() -> tuple[type[Exception], ...]:
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ModuleNotFoundError:
        return (OSError,)
    return OSError, BotoCoreError, ClientError


def _fingerprint(entry: Mapping[str, Any]) -> str:
    """What changes with the content: the ETag, else size and time."""
    etag = entry.get("ETag") or entry.get("etag")
    at = next((entry[name] for name in ("LastModified", "mtime", "updated", "created") if entry.get(name)), "")
    return f"{etag.strip(chr(34))} {entry['size']}" if etag else f"{entry['size']} {at}"
