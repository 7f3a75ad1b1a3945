"""Back-test of customers on a small shop: every figure as of its moment, beside rules, in tables and on the page."""

import io
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import orjson
import polars as pl
import pytest
from rich.console import Console
from typer.testing import CliRunner

from eval.customers.chances import ANYTHING, CHURN, ITEM, churn_test, precision_tests
from eval.customers.records import CustomerRecords, customer_records
from eval.customers.results import OURS, CustomerEvaluation
from eval.customers.run import evaluate_customers
from eval.customers.table import as_data, rendered
from eval.report.builders.customers import build_page
from eval.report.html import render_page
from recsys.cli.app import application
from recsys.customers.prediction.needs import NeedPairs
from recsys.data.dataset.dataset import read_events
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.entities import Item, User
from recsys.data.events import EVENT_SCHEMA, Event, Kind
from recsys.data.store.sqlite import SqliteStore
from recsys.errors import NotEnoughData
from recsys.learning.customers.past import Past
from recsys.learning.recipe import read_recipe
from recsys.progress import StepLog
from recsys.time_units import DAY_MS
from tests.recsys.customers.order_world import leaving_world

ITEMS = [Item(f"item-{at:02}", category=f"kind {at % 3}") for at in range(12)]


def events() -> list[Event]:
    """The orders of the world of leavers; each customer buys two favourites and something else."""
    orders, rng = leaving_world(400), np.random.default_rng(0)
    rows = []
    for at, (user, at_ms, money) in enumerate(zip(orders.customer, orders.at_ms, orders.money, strict=True)):
        items = {int(user) % 12, int(user) % 11, int(rng.integers(12))}
        bought = Event("", f"u{user:03}", "", Kind.PURCHASE, int(at_ms), 1.0, float(money), f"o{at}")
        rows += [bought._replace(item_id=f"item-{item:02}") for item in items]
    return rows


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    frame = pl.DataFrame(events(), schema=EVENT_SCHEMA, orient="row")
    users = [User(f"u{at:03}", {"town": "Ulm" if at % 2 else "Bonn"}) for at in range(400)]
    return Snapshot(read_events([frame]), ITEMS, 1, 1, users=users)


def records_of(snapshot: Snapshot) -> CustomerRecords:
    return customer_records(snapshot, read_recipe(None, validation_days=28, seed=0), None)


@pytest.fixture(scope="module")
def evaluation(snapshot: Snapshot) -> CustomerEvaluation:
    return evaluate_customers(records_of(snapshot), StepLog(), n_windows=2, seed=0)


def test_churn_is_judged_at_each_moment_beside_both_rules(evaluation: CustomerEvaluation) -> None:
    tests = [test for test in evaluation.chances if test.task == CHURN and test.horizon_days == 28]
    assert [test.at_ms for test in tests] == [evaluation.as_of_ms - days * DAY_MS for days in (28, 56)]
    for test in tests:
        assert list(test.metrics) == [OURS, "visits of 91 days", "recency"]
        assert test.metrics[OURS].auc > 0.7
        assert test.metrics[OURS].brier < test.share * (1 - test.share)


def test_every_task_is_judged(evaluation: CustomerEvaluation) -> None:
    assert {CHURN, ANYTHING, ITEM} <= {test.task for test in evaluation.chances}
    assert [value.at_ms for value in evaluation.values] == [evaluation.as_of_ms - days * DAY_MS for days in (91, 119)]
    assert evaluation.stages
    assert len(evaluation.clusters) == 5
    item = evaluation.latest(ITEM, 14)
    assert item is not None
    assert item.precision_at_5 is not None
    assert all(each.of_all <= each.filled for each in item.precision_at_5.values())
    assert item.precision_at_5[OURS].low == item.precision_at_5[OURS].high == 0


def test_calibration_is_pooled_over_moments_a_horizon_apart(evaluation: CustomerEvaluation) -> None:
    assert [(each.horizon_days, each.n_moments) for each in evaluation.pooled] == [(7, 8), (14, 4), (28, 2)]
    week = next(test for test in evaluation.chances if (test.task, test.horizon_days) == (ANYTHING, 7))
    assert evaluation.pooled[0].n > 6 * week.n
    assert evaluation.pooled[0].noise < week.metrics[OURS].ece_noise / 2


def test_precision_counts_an_empty_place_as_a_miss_only_where_it_says_so() -> None:
    customer, item = np.repeat([0, 1], [7, 2]), np.arange(9, dtype=np.int32)
    ones = np.ones(9)
    pairs = NeedPairs(customer, item, ones.astype(np.int64), ones, ones, ones, np.ones((len(ones), 2), np.int64))
    bought = np.array([1, 1, 0, 0, 0, 1, 1, 1, 0], bool)
    tests = precision_tests(pairs, bought, {OURS: -item.astype(float), "reversed": item.astype(float)})
    assert (tests[OURS].filled, tests[OURS].of_all) == pytest.approx((3 / 7, 3 / 10))
    assert (tests["reversed"].filled, tests["reversed"].of_all) == pytest.approx((3 / 7, 3 / 10))
    assert tests["reversed"].low <= 0 <= tests["reversed"].high


def test_groups_are_of_the_attribute_and_of_activity(evaluation: CustomerEvaluation) -> None:
    test = evaluation.latest(CHURN, 28)
    assert test is not None
    assert {group.title for group in test.groups} >= {"Ulm", "Bonn"}
    assert all(group.n >= 20 for group in test.groups)


def test_events_after_the_moment_change_no_chance(snapshot: Snapshot, evaluation: CustomerEvaluation) -> None:
    """The log with other purchases in its last 28 days gives the same chances, whatever came of them."""
    cut = evaluation.as_of_ms - 28 * DAY_MS
    last = pl.col("at_ms") == pl.col("at_ms").max()
    other = snapshot.events.filter((pl.col("at_ms") < cut) | last | (pl.int_range(pl.len()) % 3 == 0))
    records = records_of(replace(snapshot, events=other))
    changed, _ = churn_test(records, Past(records.orders, records.as_of_ms), 28, cut)
    same = evaluation.latest(CHURN, 28)
    assert changed is not None
    assert same is not None
    assert [each.chance for each in changed.calibration] == [each.chance for each in same.calibration]
    assert changed.share != same.share


def test_the_data_are_json_and_say_the_base_of_the_brier_score(evaluation: CustomerEvaluation) -> None:
    data = orjson.loads(orjson.dumps(as_data(evaluation)))
    row = data["chances"][0]
    assert row["brier_base"] == pytest.approx(row["share"] * (1 - row["share"]))
    assert as_data(evaluation)["run"] == data["run"]


def test_the_tables_name_what_stands_on_the_card(evaluation: CustomerEvaluation) -> None:
    console = Console(width=220, record=True, file=io.StringIO())
    console.print(rendered(evaluation))
    text = console.export_text()
    assert "on the card" in text
    assert "Picked over all dates: " in text


def test_the_page_answers_each_question(evaluation: CustomerEvaluation) -> None:
    page = build_page(evaluation, datetime(2026, 11, 30))
    assert len(page.answers) == len({(test.task, test.horizon_days) for test in evaluation.chances})
    assert "Who will leave within 28 days?" in render_page(page)


def test_a_young_shop_is_told_what_is_missing(snapshot: Snapshot) -> None:
    young = replace(snapshot, events=snapshot.events.filter(pl.col("at_ms") < 40 * DAY_MS))
    with pytest.raises(NotEnoughData, match="at least five months of orders"):
        evaluate_customers(records_of(young), StepLog(), n_windows=1, seed=0)


@pytest.mark.slow
def test_the_command_prints_one_document_with_json(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "shop.db")
    store.put_items(ITEMS)
    store.append([event._replace(event_id=f"e{at}") for at, event in enumerate(events())])
    store.close()
    words = ["--home", str(tmp_path), "evaluate", "customers"]
    result = CliRunner().invoke(application(), [*words, "--windows", "1", "--json", "-"])
    assert result.exit_code == 0, result.output
    assert orjson.loads(result.stdout)["n_customers"] == 397


def test_the_command_refuses_options_of_lists(tmp_path: Path) -> None:
    words = ["--home", str(tmp_path), "evaluate", "customers"]
    refused = CliRunner().invoke(application(), [*words, "-k", "5"])
    assert refused.exit_code != 0
    assert "is for lists" in refused.output
