"""The severity of several findings is that of the worst."""

from hypothesis import given
from hypothesis import strategies as st

from recsys.data.checks.finding import SEVERITIES, Finding, worst_severity


@given(st.lists(st.sampled_from(SEVERITIES)))
def test_the_worst_severity_counts(severities: list[str]) -> None:
    result = worst_severity(Finding("x", severity, "") for severity in severities)  # type: ignore[arg-type]
    assert result == max(severities, key=("ok", "look", "stop").index, default="ok")
