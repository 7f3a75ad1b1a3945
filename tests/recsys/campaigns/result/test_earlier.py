"""Lifts of earlier campaigns: measured, pooled by goal, and none where nothing was proved."""

import numpy as np
import pytest

from recsys.campaigns.result.campaign_result import read_result
from recsys.campaigns.result.earlier import earlier_lift
from recsys.customers.kpis.log import read_kpi_log
from recsys.data.store.base import Store
from tests.recsys.campaigns.result.planted_campaigns import NOW_MS, START_MS


def test_the_lift_is_that_of_the_results_with_the_same_goal(planted_store: Store) -> None:
    log = read_kpi_log(planted_store, None, None)
    earlier = earlier_lift(planted_store, log.orders, log.users, " Win Back", NOW_MS)
    assert earlier is not None
    assert list(earlier.campaigns) == ["fair"]  # of the other one the arms are not those of the draw
    measured = read_result(planted_store, None, "fair", NOW_MS).effects["cuped"].relative
    assert earlier.lift == pytest.approx(measured)
    assert np.isfinite(earlier.lift)


@pytest.mark.parametrize(("goal", "at_ms"), [("another", NOW_MS), ("", NOW_MS), ("win back", START_MS)])
def test_no_lift_without_a_campaign_that_was_read(planted_store: Store, goal: str, at_ms: int) -> None:
    log = read_kpi_log(planted_store, None, None)
    assert earlier_lift(planted_store, log.orders, log.users, goal, at_ms) is None
