"""Number formatting of the report, as a person writes numbers."""

import math

from eval.report.formatting import base_of, distinct_digits, percent, plain, signed, span_of_days
from tests.eval.report.small_reports import spaced


def test_numbers_read_as_a_person_writes_them() -> None:
    assert [plain(x) for x in (3.52, 1204.4, -0.04, math.nan)] == ["3.5", "1,204", "0.0", "–"]
    assert [signed(x) for x in (2.1, -0.3, 0.01)] == ["+2.1", "−0.3", "0.0"]
    assert [spaced(percent(x)) for x in (0.124, 0.012, 0.00031, 0.00001, 0, 1)] == [
        "12 %",
        "1.2 %",
        "0.031 %",
        "under 0.01 %",
        "0 %",
        "100 %",
    ]
    assert [span_of_days(x) for x in (28, 7, 30, 1)] == [
        "in the next four weeks",
        "in the next week",
        "in the next 30 days",
        "on the next day",
    ]
    assert (base_of(10, 3.5), base_of(10, 0.2), base_of(20, 0.01), base_of(10, 0.0)) == (10, 100, 10_000, 10_000)
    assert (distinct_digits([3.5, 1.4]), distinct_digits([3.52, 3.54]), distinct_digits([1.0, 1.0])) == (1, 2, 1)
