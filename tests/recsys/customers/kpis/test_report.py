"""Reports: periods, groups as of the begin, funnel by channel, and errors that name what was written."""

import numpy as np
import orjson
import pytest

from recsys.customers.kpis.definitions import KPI_BY_NAME
from recsys.customers.kpis.figures import FEW, FEW_OTHERS
from recsys.customers.kpis.log import KpiLog
from recsys.customers.kpis.members import KpiGroup, built_in_group, is_built_in, saved_group
from recsys.customers.kpis.report import Selection, cohort_report, kpi_report
from recsys.customers.table import CustomerPlan
from recsys.errors import BadInput
from tests.recsys.customers.kpis.conftest import at

WEEK_15 = Selection(at(105), at(112))


def group_of(log: KpiLog, segment: str) -> KpiGroup:
    return built_in_group(log, CustomerPlan(), segment, at(105))


def test_a_report_holds_every_figure_of_every_period_with_its_moment(kpi_log: KpiLog) -> None:
    report = kpi_report(kpi_log, Selection(at(98), at(112)))
    assert (report["as_of"], report["from"], report["to"]) == (at(112) + 1, at(98), at(112))
    assert [(period["from"], period["is_over"]) for period in report["periods"]] == [(at(98), True), (at(105), True)]
    assert all(set(period["figures"]) == set(KPI_BY_NAME) for period in report["periods"])
    assert len(kpi_report(kpi_log, Selection(by="month"))["periods"]) == 12
    assert {each["week"]["to"] for each in report["watch"]} == {at(112)}
    orjson.dumps(report)


def test_the_funnel_is_by_channel_without_small_ones(kpi_log: KpiLog) -> None:
    report = kpi_report(kpi_log, Selection(at(105), at(112)))
    web, other = report["funnel"]
    assert (web["channel"], web["customers"]) == ("web", {"view": 40, "cart": 20, "purchase": 0})
    assert (other["channel"], other["customers"]) == ("not stated", {"view": 0, "cart": 0, "purchase": 24})
    assert web["view_to_cart"]["value"] == 0.5


def test_a_funnel_of_a_segment_hides_steps_of_a_few_others(kpi_log: KpiLog) -> None:
    """On the web 40 look and 20 fill a basket, customers 5 to 24; a segment of 10 to 39 leaves 10 and 5."""
    members = np.arange(kpi_log.n_customers) >= 10
    (web,) = kpi_report(kpi_log, WEEK_15, KpiGroup("late", members, at(105)))["funnel"]
    assert (web["customers"], web["unknown"]) == ({"view": None, "cart": None, "purchase": 0}, FEW)
    assert web["view_to_cart"]["unknown"] == FEW_OTHERS


def test_a_group_is_as_of_the_begin_of_the_report(kpi_log: KpiLog) -> None:
    """On day 105 the money is 25, 20 and 10 of 10, 20 and 10 customers: A ends with the one who crosses 600 of 750.

    Customers 0 to 29 were back since day 98; the other ten were not.
    """
    report = kpi_report(kpi_log, WEEK_15, group_of(kpi_log, "abc:A"))
    assert report["segment"] == {"name": "abc:A", "customers": 28, "members_as_of": at(105)}
    back = kpi_report(kpi_log, WEEK_15, group_of(kpi_log, "stage:back"))
    assert back["segment"]["customers"] == 30
    assert back["periods"][0]["figures"]["customers"]["value"] == 24
    assert cohort_report(kpi_log, WEEK_15, group_of(kpi_log, "stage:back"))["segment"]["customers"] == 30


@pytest.mark.parametrize(
    ("segment", "message"),
    [
        ("stage:loyl", "no stage has that name; did you mean 'loyal'"),
        ("rfm:champion", "did you mean 'champions'"),
        ("stage:dormant", "fewer than 20 customers"),
    ],
)
def test_a_group_that_is_misspelt_or_small_is_refused(kpi_log: KpiLog, segment: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        kpi_report(kpi_log, WEEK_15, group_of(kpi_log, segment))


def test_a_saved_segment_holds_those_of_its_customers_who_count(kpi_log: KpiLog) -> None:
    ids = [*(f"u{user:03}" for user in range(24)), "refused"]
    report = kpi_report(kpi_log, WEEK_15, saved_group(kpi_log, "tea lovers", ids, at(112)))
    assert report["segment"] == {"name": "tea lovers", "customers": 24, "members_as_of": at(112)}
    assert report["periods"][0]["figures"]["revenue"]["value"] == 12 * 12 + 12 * 10
    assert not is_built_in("tea lovers")
