"""Reading of a file by a profile, as the import with that profile reads it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recsys.data.files.column_mapping import ColumnMapping
from recsys.data.files.order_gaps import time_column
from recsys.data.guests import GUEST_NUMBERS, GUEST_WORDS
from recsys.errors import BadInput
from training.importing.profiles.profile import Profile


def profile_mapping(profile: Profile, encoding: str) -> ColumnMapping:
    """The column mapping of the profile's options, for a file in that encoding."""
    options: Mapping[str, Any] = profile.options
    usual = GUEST_WORDS | GUEST_NUMBERS if options.get("guests", True) else frozenset()
    between = options.get("days-between")
    return ColumnMapping(
        profile.mapped() | ({"at": time_column(between)} if between else {}),
        options.get("const", {}),
        explode=profile.explode,
        guests=usual | frozenset(profile.listed("guest")),
        delimiter=options.get("delimiter"),
        header=tuple(options.get("header", "").split(",")) if "header" in options else (),
        encoding=encoding,
        decimal=options.get("decimal"),
        time_formats=tuple(profile.listed("time-format")),
        kinds={word.lower(): kind for word, kind in options.get("kinds", {}).items()},
        time_zone=options.get("time-zone", "UTC"),
        where=tuple(profile.listed("where")),
        carry_down=tuple(profile.listed("carry-down")),
        returns_by_sign=options.get("returns-by-sign", False),
        carry_within=options.get("carry-within"),
        joins=tuple(profile.listed("join")),
        days_between=between,
    )


def joins_beside(profile: Profile, path: Path) -> tuple[str, ...]:
    """The values of --join for the files of the profile that lie in the folder of that file.  Raises BadInput."""
    joins = [join.partition(" on ") for join in profile.listed("join")]
    for file, _, _ in joins:
        if not (path.parent / file).is_file():
            raise BadInput(f"{path}: it belongs to {file}, which is not beside it; put both into one folder")
    return tuple(f"{path.parent / file} on {column}" for file, _, column in joins)
