"""A shop in a notebook: the lists of the command, from frames, in a home that the service takes over."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

import recsys
from eval.export.notebook import NotebookEvaluation
from recsys.cli.app import application
from recsys.data.events import EVENT_SCHEMA, Event, Kind
from recsys.errors import BadInput, BadSettings, NoBundle, UnknownPlacement
from recsys.testing import NOW, small_items
from recsys.threads import THREAD_LIMITS
from recsys.time_units import DAY_MS
from training.shop import Shop

AT = datetime.fromtimestamp(NOW * DAY_MS / 1_000, UTC)


def event_frame(events: list[Event]) -> pl.DataFrame:
    """The events as a shop would have them in a notebook, under usual names."""
    frame = pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row")
    words = {int(kind): kind.name.lower() for kind in Kind}
    kind = pl.col("kind").replace_strict(words, return_dtype=pl.String)
    time = pl.from_epoch("at_ms", "ms").alias("timestamp")
    return frame.select(pl.col("user_id").alias("customer_id"), pl.col("item_id").alias("SKU"), kind, time, "price")


def item_frame() -> pl.DataFrame:
    return pl.DataFrame(
        [{"sku": item.item_id, "title": item.name, "category": item.category} for item in small_items()]
    )


@pytest.fixture(scope="module")
def shop(shop_events: list[Event]) -> Shop:
    made: Shop = recsys.Shop.from_frames(event_frame(shop_events), item_frame()).fit(spare_seconds=0)
    return made


def test_importing_the_package_loads_nothing_and_a_name_sets_the_limits_of_threads() -> None:
    heavy = "{'numpy', 'polars', 'typer', 'pydantic', 'importlib.metadata'}"
    code = (
        f"import sys, recsys; before = len({heavy} & set(sys.modules)); recsys.Shop;"
        f"import os; print(before, [os.environ[name] for name in {THREAD_LIMITS}])"
    )
    env = {name: value for name, value in os.environ.items() if name not in THREAD_LIMITS}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert result.stdout == f"0 {['1'] * len(THREAD_LIMITS)}\n"


def test_a_name_that_nobody_adds_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'Shopp'"):
        _ = recsys.Shopp


def test_a_list_holds_names_scores_and_reasons_best_first(shop: Shop) -> None:
    frame = shop.recommend("user-003", k=5, at=AT)
    assert frame.columns == ["item", "name", "score", "reason"]
    assert frame.height == 5
    assert frame["score"].is_sorted(descending=True)
    assert {int(item[-3:]) % 2 for item in frame["item"]} == {1}
    assert frame["name"][0].startswith("Product ")
    assert frame["reason"][0].startswith("You bought this")


def test_similar_items_are_of_the_same_camp(shop: Shop) -> None:
    items = shop.similar("item-002", k=3)["item"].to_list()
    assert len(items) == 3
    assert {int(item[-3:]) % 2 for item in items} == {0}


def test_a_saved_shop_is_a_home_that_the_command_answers_from(shop: Shop, tmp_path: Path) -> None:
    saved = shop.save(tmp_path / "home")
    words = ["--home", str(saved.home), "similar", "item-002", "-k", "3", "--json"]
    result = CliRunner().invoke(application(), words)
    assert result.exit_code == 0, result.output
    answered = pl.DataFrame(pl.read_json(result.stdout.encode())["items"][0].to_list())["item_id"].to_list()
    assert answered == Shop.open(saved.home).similar("item-002", k=3)["item"].to_list()
    with pytest.raises(BadInput, match="something already"):
        shop.save(saved.home)


def test_a_home_that_is_not_there_is_not_opened_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no shop here"):
        Shop.open(tmp_path / "mistyped")
    assert list(tmp_path.iterdir()) == []


def test_before_fitting_there_is_no_list(shop_events: list[Event]) -> None:
    young = Shop.from_frames(event_frame(shop_events[:50]))
    assert "not fitted yet" in repr(young)
    with pytest.raises(NoBundle):
        young.recommend("user-003")


def test_the_temporary_home_goes_with_the_shop(shop_events: list[Event]) -> None:
    home = Shop.from_frames(event_frame(shop_events[:50])).home
    assert not home.exists()


def test_a_setting_is_for_one_training_and_a_wrong_one_is_named(shop: Shop) -> None:
    assert not (shop.home / "recsys.toml").exists()
    with pytest.raises(BadSettings, match="spare_seconds"):
        shop.fit(spare_second=0)
    with pytest.raises(UnknownPlacement):
        shop.recommend("user-003", placement="nowhere")


def test_a_rejected_release_is_a_warning(shop: Shop, tmp_path: Path) -> None:
    other = shop.save(tmp_path / "home")
    off = "".join(
        f"[models.{name}]\noff = true\n" for name in ("als", "buy_again", "item_neighbours", "user_neighbours")
    )
    (other.home / "recsys.toml").write_text(off)
    with pytest.warns(UserWarning, match="was rejected, the live release stays: the personal list"):
        other.fit(spare_seconds=0)


def test_the_evaluation_is_that_of_the_command(shop: Shop) -> None:
    evaluation = shop.evaluate(days=21, k=5, spare_seconds=0)
    assert isinstance(evaluation, NotebookEvaluation)
    assert evaluation.result.k == 5
    everything = evaluation.frame.filter(pl.col("task") == "all")
    best = dict(everything.select("list", "ndcg").iter_rows())
    assert best["buy-again"] > 2 * best["best-sellers"]
