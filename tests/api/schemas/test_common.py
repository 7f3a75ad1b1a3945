"""Common schemas: what is taken as an id."""

import pytest
from pydantic import TypeAdapter, ValidationError

from api.schemas.common import Id

ID: TypeAdapter[str] = TypeAdapter(Id)


@pytest.mark.parametrize(
    ("json", "expected"),
    [
        ('"100"', "100"),
        ("100", "100"),
        ("100.0", "100"),
        ("-5", "-5"),
        ('" a "', "a"),
        ("12345678901234567890123", "12345678901234567890123"),
        ('"1.50"', "1.50"),
    ],
)
def test_text_and_whole_numbers_are_ids_as_in_imports(json: str, expected: str) -> None:
    assert ID.validate_json(json) == expected


@pytest.mark.parametrize(
    "json", ["1.5", "1e400", "9007199254740993.0", "NaN", "true", "null", "[1]", "{}", '""', '" "']
)
def test_anything_else_is_no_id(json: str) -> None:
    with pytest.raises(ValidationError):
        ID.validate_json(json)
