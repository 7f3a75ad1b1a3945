"""Mirror record: what a home took over from the shared registry, and what it still has to give; `.mirror.json`."""

from pathlib import Path

from pydantic import BaseModel, ValidationError

from recsys.atomic_file import replace_file

RECORD = ".mirror.json"


class MirrorRecord(BaseModel):
    """etag: of the state taken over last.  verdicts: ETags by name.  waiting: versions that could not be given yet.

    rules: the digest of the rules that the home and the registry had in common last.
    """

    etag: str | None = None
    verdicts: dict[str, str] = {}
    waiting: list[str] = []
    rules: str | None = None


def read_record(bundles: Path) -> MirrorRecord:
    """The record beside the releases; an empty one where it is missing or damaged: all is taken over again."""
    try:
        return MirrorRecord.model_validate_json((bundles / RECORD).read_bytes())
    except (OSError, ValidationError):
        return MirrorRecord()


def write_record(bundles: Path, record: MirrorRecord) -> None:
    """Replaces the file.  Raises OSError."""
    replace_file(bundles / RECORD, record.model_dump_json(indent=2).encode())
