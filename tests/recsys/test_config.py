"""Settings come from the environment, the file or the default, and a wrong one names the right key."""

import time
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field

from recsys.config import (
    CatalogueSettings,
    KeepSettings,
    SettingsSection,
    ShopSettings,
    WeightSettings,
    read_table,
    spelling_hint,
)
from recsys.data.events import KIND_BY_NAME
from recsys.errors import BadSettings


def written(folder: Path, text: str) -> Path:
    file = folder / "recsys.toml"
    file.write_text(text)
    return file


def test_the_environment_beats_the_file_and_the_file_beats_the_default(
    tmp_path: Path,
) -> None:
    file = written(tmp_path, "[weights]\ncart = 0.4\nview = 0.1\n")
    weights = WeightSettings.load(file, {"RECSYS_WEIGHTS_VIEW": "0.2"})
    assert (weights.view, weights.cart, weights.purchase) == (0.2, 0.4, 1.0)


def test_a_given_environment_hides_that_of_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RECSYS_WEIGHTS_VIEW", "0.7")
    assert WeightSettings.load(env={}).view == 0.05
    assert WeightSettings.load().view == 0.7


def test_a_file_that_is_not_there_leaves_the_defaults(tmp_path: Path) -> None:
    assert WeightSettings.load(tmp_path / "none.toml", {}) == WeightSettings.load(env={})


def test_top_level_settings_stand_beside_the_tables_of_others(tmp_path: Path) -> None:
    file = written(tmp_path, 'redis_url = "redis://here"\n[weights]\nview = 0.1\n')
    assert ShopSettings.load(file, {"RECSYS_SERVE_PORT": "1"}).redis_url == "redis://here"


def test_the_word_return_is_a_key_in_the_file_and_in_the_environment(
    tmp_path: Path,
) -> None:
    file = written(tmp_path, "[weights]\nreturn = -0.5\n")
    assert WeightSettings.load(file, {}).by_kind()["return"] == -0.5
    assert WeightSettings.load(file, {"RECSYS_WEIGHTS_RETURN": "-2"}).by_kind()["return"] == -2.0


def test_the_default_weights_put_purchase_above_cart_above_wishlist_above_view() -> None:
    weight = WeightSettings.load(env={}).by_kind()
    assert weight["purchase"] > weight["cart"] > weight["wishlist"] > weight["view"] > 0
    assert weight["return"] < 0 > weight["dismiss"]
    assert weight["impression"] == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[weights]\npurchas = 1\n", "did you mean 'purchase'"),
        ("[weights]\nreturn_ = 1\n", "did you mean 'return'"),
        ("[train]\n[weights]\nreturn = 'x'\n", "weights.return"),
        ("[weights]\nview = nan\n", "weights.view"),
        ("[weights]\nview = 'much'\n", "weights.view = 'much'"),
        ("weights = 3\n", r"write \[weights\]"),
        ("[weights\n", "not valid TOML"),
    ],
)
def test_a_wrong_file_names_the_wrong_key(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadSettings, match=says):
        WeightSettings.load(written(tmp_path, text), {})


def test_a_wrong_variable_names_the_nearest_right_one() -> None:
    with pytest.raises(BadSettings, match="the environment: .*did you mean 'wishlist'"):
        WeightSettings.load(env={"RECSYS_WEIGHTS_WISHLST": "1"})
    with pytest.raises(BadSettings, match="did you mean 'redis_url'"):
        ShopSettings.load(env={"RECSYS_REDISURL": "1"})


def test_an_unknown_table_is_an_error_of_the_top_level(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="did you mean 'weights'"):
        ShopSettings.load(written(tmp_path, "[weigths]\nview = 1\n"), {})


def test_never_show_comes_from_a_table_or_as_json_from_the_environment(
    tmp_path: Path,
) -> None:
    file = written(tmp_path, '[catalogue]\nnever_show = { department = ["FUEL", "TAX"] }\n')
    assert CatalogueSettings.load(file, {}).never_show == {"department": {"FUEL", "TAX"}}
    assert CatalogueSettings.load(env={"RECSYS_CATALOGUE_NEVER_SHOW": '{"brand": ["X"]}'}).never_show == {
        "brand": {"X"}
    }
    with pytest.raises(BadSettings, match="JSON"):
        CatalogueSettings.load(env={"RECSYS_CATALOGUE_NEVER_SHOW": "FUEL"})


def test_settings_cannot_be_changed_once_loaded() -> None:
    with pytest.raises(ValueError, match="frozen"):
        WeightSettings.load(env={}).view = 1.0


def test_a_table_is_empty_when_there_is_no_file(tmp_path: Path) -> None:
    assert read_table(None, "placements") == {}
    assert read_table(tmp_path / "none.toml", "placements") == {}
    assert read_table(written(tmp_path, "[placements.home]\nk = 1\n"), "placements") == {"home": {"k": 1}}


def test_the_hint_for_a_word_unlike_all_known_words_lists_them() -> None:
    assert spelling_hint("zzz", ["cart", "view"]) == "known: cart, view"


def test_the_nearest_of_thousands_of_long_words_is_named_in_bounded_time() -> None:
    known = [f"{'attribute-' * 90}{n}" for n in range(20_000)] + ["colour", *(f"c{n:05}" for n in range(20_000))]
    started = time.process_time()
    assert spelling_hint("color", known) == "did you mean 'colour'?"
    assert len(spelling_hint(100_000 * "z", known)) < 20_000
    assert time.process_time() - started < 1.0


class _Nested(SettingsSection):
    section: ClassVar[str] = "serve"
    table: dict[str, dict[str, int]] = Field(default_factory=dict)


def test_a_variable_changes_one_cell_of_a_table_and_leaves_the_others(
    tmp_path: Path,
) -> None:
    file = written(tmp_path, "[serve.table.a]\nx = 1\ny = 2\n")
    assert _Nested.load(file, {"RECSYS_SERVE_TABLE__A__X": "9"}).table == {"a": {"x": 9, "y": 2}}


def test_days_of_shown_answers_are_read_from_where_they_were_before(tmp_path: Path) -> None:
    file = tmp_path / "recsys.toml"
    file.write_text("[serve]\nshown_days = 7\n")
    assert KeepSettings.load(file, {}).shown_days == 7
    assert KeepSettings.load(file, {"RECSYS_SERVE_SHOWN_DAYS": "8"}).shown_days == 8
    assert KeepSettings.load(file, {"RECSYS_KEEP_SHOWN_DAYS": "9"}).shown_days == 9
    file.write_text("[serve]\nshown_days = 0\n")
    with pytest.raises(BadSettings, match="shown_days = 0"):
        KeepSettings.load(file, {})


def test_every_kind_of_event_has_a_number_of_days(tmp_path: Path) -> None:
    assert {f"{name}_days" for name in KIND_BY_NAME} <= KeepSettings.model_fields.keys()
    assert {KeepSettings().model_dump()[f"{name}_days"] for name in KIND_BY_NAME} == {0}, "for ever unless it is said"
