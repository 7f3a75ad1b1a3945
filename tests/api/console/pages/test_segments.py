"""Segments page: the builder and its text form, preview, saving, and faults in words."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.console.conditions import ConditionRow, as_rows, built
from recsys.errors import BadInput
from tests.api.console.conftest import Browser

ROWS = st.lists(
    st.one_of(
        st.builds(
            ConditionRow, st.just("stage"), st.sampled_from(["is", "not"]), st.sampled_from(["loyal", "at_risk"])
        ),
        st.builds(ConditionRow, st.just("money"), st.sampled_from(["is", "not", "gte", "lte"]), st.just("500")),
    ),
    min_size=1,
    max_size=5,
)


@given(ROWS, st.sampled_from(["all", "any"]))
def test_a_condition_of_rows_is_shown_as_the_same_rows(rows: list[ConditionRow], joint: str) -> None:
    shown = as_rows(json.loads(json.dumps(built(rows, joint))))
    assert shown == (rows, joint if len(rows) > 1 else "all")


@pytest.mark.parametrize(
    "where", [{"bought": {"days": 3}}, {"all": [{"any": []}, {}]}, {"money": {"gte": 1, "lte": 2}}, [], 3]
)
def test_what_rows_cannot_say_is_left_to_the_text(where: Any) -> None:
    assert as_rows(where) is None


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (ConditionRow("money", "gte", "much"), "row 1: 'much' is no number"),
        (ConditionRow("stage", "gte", "loyal"), "row 1: 'at least' compares numbers"),
        (ConditionRow("stage", "is", ""), "row 1: a value is missing"),
        (ConditionRow("stag", "is", "x"), "row 1: 'stag' is no field"),
    ],
)
def test_a_wrong_row_is_told_by_its_number(row: ConditionRow, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        built([row], "all")


def test_rows_become_text_and_a_preview(console: Browser) -> None:
    rows = {"do": "build", "joint": "all", "field0": "orders", "op0": "gte", "value0": "1"}
    text = console.get("/console/segments", params=rows).text
    assert "&#34;orders&#34;: {" in text
    assert "Preview</h2>" in text


def test_a_segment_is_saved_opened_changed_and_removed(console: Browser) -> None:
    def save(**fields: str) -> Any:
        return console.submit("/console/segments/save", **fields)

    assert "buyers is saved" in save(name="buyers", about="Who <b>bought</b>", where='{"orders": {"gte": 1}}').text
    opened = console.get("/console/segments", params={"open": "buyers"}).text
    assert "Who &lt;b&gt;bought&lt;/b&gt;" in opened
    assert "Remove buyers" in opened
    for fields, words in _faults().items():
        refused = save(**dict(fields))
        assert (refused.status_code, words in refused.text) == (422, True), refused.text
    assert "buyers is removed" in console.submit("/console/segments/remove", name="buyers").text
    assert "There is no segment" in console.submit("/console/segments/remove", name="buyers").text


def test_a_segment_may_go_without_words_about_it(console: Browser) -> None:
    assert (
        "plain is saved" in console.submit("/console/segments/save", name="plain", where='{"orders": {"gte": 1}}').text
    )


def test_a_name_with_blanks_is_taken_with_hyphens_and_kept_as_it_was_typed(console: Browser) -> None:
    text = console.submit("/console/segments/save", name="Win back: Käufer", where='{"orders": {"gte": 1}}').text
    assert "Win-back-Kaufer is saved" in text
    assert 'value="Win back: Käufer"' in text


def test_a_form_opened_before_somebody_else_saved_overwrites_nothing(console: Browser) -> None:
    answer = console.submit("/console/segments/save", name="late", where='{"orders": {"gte": 1}}', digest="0" * 64)
    assert answer.status_code == 422
    assert "late is saved" not in answer.text


def _faults() -> Mapping[tuple[tuple[str, str], ...], str]:
    return {
        (("name", "?!"), ("where", "{}")): "is no name; put in letters a to z",
        (("name", "x"), ("where", "{")): "the condition is no JSON",
        (("name", "x"), ("where", '{"stag": "loyal"}')): "stag",
    }
