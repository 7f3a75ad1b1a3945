"""Customer scores: what is blank says why, reasons are in words, and a release without them opens."""

import numpy as np

from recsys.customers.prediction.churn import NO_REASON
from recsys.customers.prediction.features import FEATURES, THEMES
from recsys.customers.prediction.scored import NO_ORDER, NOT_ACTIVE, NOT_LEARNT, CustomerScores


def scores() -> CustomerScores:
    reason = np.full((3, 3, 3), NO_REASON, np.int8)
    reason[0, 0, 0] = THEMES.index("frequency")
    contribution = np.zeros((3, 3, 3), np.float32)
    contribution[0, 0, 0] = 0.7
    features = np.zeros((3, len(FEATURES)), np.float32)
    features[2] = np.nan
    return CustomerScores(
        value=np.array([5.0, 1.0, np.nan]),
        value_method=0,
        churn_28=np.array([0.5, np.nan, np.nan]),
        churn_56=np.full(3, np.nan),
        churn_91=np.full(3, np.nan),
        churn_method=np.array([2, 0, 1], np.int8),
        churn_reason=reason,
        churn_contribution=contribution,
        features=features,
    )


def test_a_blank_chance_says_why() -> None:
    table = scores()
    assert [table.why_no_churn(user, 28) for user in range(3)] == [None, NOT_ACTIVE, NO_ORDER]
    assert table.why_no_churn(0, 56) == NOT_LEARNT


def test_reasons_are_those_of_the_horizon() -> None:
    assert scores().churn_reasons(0, 28, np.nan) == ["raises it: only 0 orders in the last 91 days"]
    assert scores().churn_reasons(0, 56, np.nan) == []


def test_a_release_without_scores_has_no_customers_in_them() -> None:
    assert len(CustomerScores()) == 0
    assert CustomerScores().value_method_name() is None
    assert scores().value_method_name() == "window"
    assert CustomerScores.from_arrays(CustomerScores().arrays()).value_method == -1
