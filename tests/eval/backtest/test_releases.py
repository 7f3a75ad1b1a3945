"""Two releases are compared by events that neither has learnt from, each with its lists of that moment."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from eval.backtest.releases import compare_releases, list_name, open_releases
from eval.backtest.results import Evaluation
from eval.protocol import BEST_SELLERS
from eval.report.builders.releases import build_report
from eval.report.formatting import distinct_digits, plain
from eval.report.html import render_page
from eval.splits.windows import WindowSchedule
from recsys.bundle.key_rotation import create_signing_key
from recsys.cli.app import application
from recsys.data.dataset.snapshot import read_snapshot
from recsys.data.events import Event
from recsys.data.store.sqlite import SqliteStore
from recsys.errors import BadInput, NotEnoughData, UntrustedBundle
from recsys.learning.bundle_builder import build_bundle
from recsys.learning.recipe import Recipe, read_recipe
from recsys.progress import StepLog
from recsys.testing import NOW, small_items
from recsys.time_units import DAY_MS
from tests.eval.report.browser import looks_well, needs_browser

TUESDAY, FRIDAY = NOW - 21, NOW - 14
OLD, NEW = "20171114T000000Z-aaaa", "20171121T000000Z-bbbb"
SCHEDULE = WindowSchedule(n_windows=1)


def recipe() -> Recipe:
    return read_recipe(None, validation_days=14, seed=0, optional_seconds=0)


def few_models() -> Recipe:
    """For what does not depend on them."""
    plan = recipe().plan
    few = {name: plan.learners[name] for name in ("popularity", "buy_again", "user_neighbours", "als")}
    return replace(recipe(), plan=replace(plan, learners=few, optional={}))


def until(events: Sequence[Event], day: float) -> list[Event]:
    return [event for event in events if event.at_ms <= day * DAY_MS]


def train(store: SqliteStore, home: Path, version: str, models: Recipe | None = None) -> None:
    build_bundle(read_snapshot(store), home / "bundles" / version, models or recipe(), StepLog(), version=version)


@pytest.fixture(scope="module")
def home(shop_events: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop that trained twice, a week apart, and went on selling."""
    folder = tmp_path_factory.mktemp("home")
    store = SqliteStore(folder / "shop.db")
    store.put_items(small_items())
    early, late = until(shop_events, TUESDAY), until(shop_events, FRIDAY)
    store.append(early)
    train(store, folder, OLD)
    store.append(late[len(early) :])
    train(store, folder, NEW)
    store.append(shop_events[len(late) :])
    store.close()
    return folder


@pytest.fixture
def store(home: Path) -> Iterator[SqliteStore]:
    """The data of that shop."""
    opened = SqliteStore(home / "shop.db")
    yield opened
    opened.close()


def compared(home: Path, store: SqliteStore, versions: tuple[str, str] = (OLD, NEW)) -> Evaluation:
    return compare_releases(store, open_releases(home, None, versions, store), recipe(), SCHEDULE, StepLog())


@pytest.fixture(scope="module")
def comparison(home: Path) -> Evaluation:
    """The older beside the newer."""
    store = SqliteStore(home / "shop.db")
    evaluation = compared(home, store)
    store.close()
    return evaluation


def test_the_older_stands_beside_the_newer_and_both_beside_the_baselines(comparison: Evaluation) -> None:
    lines = {line.name: line for line in comparison.tasks[0].lines}
    assert {BEST_SELLERS, list_name("home", OLD), list_name("home", NEW)} <= set(lines)
    assert next(iter(lines[list_name("home", NEW)].pooled.against)) == list_name("home", OLD)
    assert next(iter(lines[list_name("home", OLD)].pooled.against)) == BEST_SELLERS


def test_sampled_customers_have_the_lists_of_both_releases(comparison: Evaluation) -> None:
    older, newer = comparison.settings["releases"]
    assert len(comparison.samples) == 5
    for sample in comparison.samples:
        assert list(sample.lists) == [f"home {newer}", f"home {older}"]
        assert sample.n_held_back > 0


def test_only_what_came_after_both_trainings_judges(comparison: Evaluation) -> None:
    (window,) = comparison.windows
    assert window.cut == pytest.approx(FRIDAY, abs=1)
    assert window.cut > TUESDAY + 6
    assert window.until == pytest.approx(NOW, abs=1)


def test_the_order_in_which_they_are_named_does_not_matter(
    home: Path, store: SqliteStore, comparison: Evaluation
) -> None:
    turned = compared(home, store, (NEW, OLD))
    assert [line.pooled for line in comparison.tasks[0].lines] == [line.pooled for line in turned.tasks[0].lines]


def test_the_older_release_gets_the_events_since_its_training(comparison: Evaluation) -> None:
    """With the week between the trainings the older one is no worse at what customers buy again than the newer one."""
    lines = {line.name: line.pooled.metrics["ndcg@10"].mean for line in comparison.tasks[0].lines}
    assert lines[list_name("buy-again", OLD)] == pytest.approx(lines[list_name("buy-again", NEW)], abs=0.03)


def test_releases_that_have_seen_everything_are_not_judged(home: Path, store: SqliteStore, tmp_path: Path) -> None:
    train(store, tmp_path, "20171205T000000Z-cccc")
    (tmp_path / "bundles" / OLD).symlink_to(home / "bundles" / OLD)
    with pytest.raises(NotEnoughData, match="weeks it has seen"):
        compared(tmp_path, store, (OLD, "20171205T000000Z-cccc"))


def test_a_release_is_not_compared_with_itself(home: Path, store: SqliteStore) -> None:
    with pytest.raises(BadInput, match="twice"):
        compared(home, store, (NEW, NEW))


def test_a_release_that_nobody_trusted_has_signed_is_not_compared(
    home: Path, store: SqliteStore, tmp_path: Path
) -> None:
    (tmp_path / "bundles").symlink_to(home / "bundles")
    create_signing_key(tmp_path, tmp_path / "none published", now_ms=0)
    with pytest.raises(UntrustedBundle, match="it is not signed"):
        compared(tmp_path, store)


def test_another_numbering_changes_no_figure(shop_events: list[Event], tmp_path: Path) -> None:
    """One item more that sorts first, bought once between the trainings, moves every number of the newer release."""
    figures = []
    for extra in (False, True):
        folder = tmp_path / str(extra)
        folder.mkdir()
        shop = SqliteStore(folder / "shop.db")
        early, late = until(shop_events, TUESDAY), until(shop_events, FRIDAY)
        shop.append(early)
        train(shop, folder, OLD, few_models())
        between = late[len(early) :]
        first_of_all = between[0]._replace(event_id="x", item_id="aaa", user_id="stranger")
        shop.append([*between, first_of_all] if extra else between)
        train(shop, folder, NEW, few_models())
        shop.append(shop_events[len(late) :])
        evaluation = compared(folder, shop)
        old = list_name("home", OLD)
        figures.append(
            next(line for line in evaluation.tasks[0].lines if line.name == old).pooled.metrics["ndcg@10"].mean
        )
        shop.close()
    assert figures[0] == figures[1]
    assert np.isfinite(figures[0])


def test_the_page_sets_the_newer_release_beside_the_older_and_both_beside_the_best_sellers(
    home: Path, tmp_path: Path
) -> None:
    page, data = tmp_path / "page.html", tmp_path / "all.json"
    words = ["compare", NEW, OLD, "--report", str(page), "--json", str(data)]
    result = CliRunner().invoke(application(), ["--home", str(home), *words])
    assert result.exit_code == 0, result.output
    text = page.read_text(encoding="utf-8")
    lines = {line["name"]: line["pooled"] for line in json.loads(data.read_bytes())["tasks"][0]["lines"]}
    figures = [lines[list_name("home", version)]["metrics"]["precision@10"]["mean"] * 10 for version in (NEW, OLD)]
    digits = distinct_digits(figures)
    assert f"Of 10 products on the list of the newer release, {plain(figures[0], digits)} were bought" in text
    assert f"of 10 on that of the older release {plain(figures[1], digits)}." in text
    for part in (
        "Better than the list of the older release?",
        "Older release",
        OLD,
        NEW,
        "Personal list, newer release",
    ):
        assert part in text
    assert "Better than the best simple rule" in text


@needs_browser
def test_that_page_opens_in_a_browser_without_errors_overlaps_or_overflow(
    comparison: Evaluation, tmp_path: Path
) -> None:
    page = render_page(build_report(comparison, datetime(2026, 1, 2, tzinfo=UTC)))

    looks_well([page], tmp_path, is_dark=False)


def test_coverage_of_a_release_counts_items_in_any_list(comparison: Evaluation) -> None:
    lines = {line.name: line for line in comparison.tasks[0].lines}
    best, ours = lines[BEST_SELLERS].shelf, lines[list_name("home", OLD)].shelf
    assert best["n_shown"] < ours["n_shown"]
    assert 0 < ours["coverage"] <= 1
    assert 0 <= ours["gini"] <= 1
