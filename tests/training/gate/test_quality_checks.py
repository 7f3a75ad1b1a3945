"""The bound of the loss to the live release is the same for however few customers."""

import pytest

from eval.stats.paired import Comparison
from recsys.gate.verdict import CheckResult
from training.gate.quality_checks import _is_damage, _may_hardly_lose


@pytest.mark.parametrize("n_customers", [30, 60, 999, 1_000, 50_000])
@pytest.mark.parametrize(
    ("low", "high", "result", "words"),
    [
        (0.0, 0.0, "passed", "customers"),
        (-0.0099, 0.01, "passed", "customers"),
        (-0.0101, 0.05, "failed", "it may lose more than 2%"),
        (-0.02, -0.005, "failed", "it may lose more than 2%"),
        (-0.02, -0.0101, "failed", "it is worse by 2-4 %"),
    ],
)
def test_the_lower_end_decides_at_every_size(
    n_customers: int, low: float, high: float, result: CheckResult, words: str
) -> None:
    check = _may_hardly_lose(Comparison(0.5, 0.5, low, high, n_customers), 0.02, has_own_choices=True)
    assert check.result == result
    assert check.words.endswith(words)


@pytest.mark.parametrize(
    ("low", "has_own_choices", "result"), [(0.01, True, "failed"), (0.01, False, "not judged"), (0.0, True, "passed")]
)
def test_too_few_customers_show_nothing_but_equal_lists(low: float, has_own_choices: bool, result: CheckResult) -> None:
    check = _may_hardly_lose(Comparison(0.5, 0.5, low, low, 29), 0.02, has_own_choices=has_own_choices)
    assert check.result == result


@pytest.mark.parametrize(
    ("n_customers", "high", "is_damage"), [(26, -0.14, True), (9, -0.14, False), (26, -0.04, False), (10, -0.06, True)]
)
def test_a_few_customers_tell_that_files_are_broken(n_customers: int, high: float, is_damage: bool) -> None:
    assert _is_damage(Comparison(0.3, 0.5, -0.3, high, n_customers)) is is_damage
