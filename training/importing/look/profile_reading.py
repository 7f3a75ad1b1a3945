"""Reading of a file by a profile, as the import with that profile reads it."""

from collections.abc import Mapping
from typing import Any

from recsys.data.files.column_mapping import ColumnMapping
from recsys.data.guests import GUEST_NUMBERS, GUEST_WORDS
from training.importing.profiles.profile import Profile


def profile_mapping(profile: Profile, encoding: str) -> ColumnMapping:
    """The column mapping of the profile's options, for a file in that encoding."""
    options: Mapping[str, Any] = profile.options
    usual = GUEST_WORDS | GUEST_NUMBERS if options.get("guests", True) else frozenset()
    return ColumnMapping(
        profile.mapped(),
        options.get("const", {}),
        explode=profile.explode,
        guests=usual | frozenset(profile.listed("guest")),
        delimiter=options.get("delimiter"),
        encoding=encoding,
        decimal=options.get("decimal"),
        time_formats=tuple(profile.listed("time-format")),
        kinds={word.lower(): kind for word, kind in options.get("kinds", {}).items()},
        time_zone=options.get("time-zone", "UTC"),
        where=tuple(profile.listed("where")),
        carry_down=tuple(profile.listed("carry-down")),
        returns_by_sign=options.get("returns-by-sign", False),
        carry_within=options.get("carry-within"),
    )
