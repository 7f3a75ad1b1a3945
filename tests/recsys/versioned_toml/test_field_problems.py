"""Field problems: the wrong value, the place, and the nearest field for a misspelt one."""

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from recsys.versioned_toml.field_problems import field_problems


class Step(BaseModel):
    model_config = ConfigDict(extra="forbid")
    spend: float = 1.0


class Offer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    percent: float = 5.0
    codes: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"percent": "ten"}, "percent: Input should be a valid number, unable to parse string as a number, not 'ten'"),
        ({"codes": "A"}, "codes: must be a list, such as [\"a\", \"b\"], not 'A'"),
        ({"steps": [3]}, "steps.0: must be a table, such as {a = 1}, not 3"),
        ({"steps": [{"spnd": 3}]}, "steps.0.spnd: no such field; did you mean 'spend'?"),
        ({"percnt": 3, "codes": 4}, 'codes: must be a list, such as ["a", "b"], not 4; percnt: no such field; did you '
         "mean 'percent'?"),
    ],
)  # fmt: skip
def test_a_problem_says_its_place_the_value_and_what_is_right(written: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Offer.model_validate(written)
    assert field_problems(caught.value, Offer) == words
