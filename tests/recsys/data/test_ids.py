"""Texts and ids come back from their arrays as they were, in UTF-8 order."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recsys.data.ids import MISSING, IdMap, Texts

# Whatever UTF-8 can say: empty, NUL, and beyond the basic plane; a lone surrogate is no text.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SURROGATE = "\ud800"


@given(st.lists(TEXT))
@example(["", "\0", "a\0b", "😀", ""])
def test_texts_come_back_as_they_went_in(texts: list[str]) -> None:
    kept = Texts.from_strings(texts)
    assert len(kept) == len(texts)
    assert [kept[i] for i in range(len(kept))] == texts
    assert [kept.raw(i) for i in range(len(kept))] == [text.encode() for text in texts]
    assert (kept.blob.dtype.name, kept.offsets.dtype.name) == ("uint8", "int64")


@given(st.lists(TEXT))
def test_texts_are_rebuilt_from_their_two_arrays(texts: list[str]) -> None:
    kept = Texts.from_strings(iter(texts))
    again = Texts(np.array(kept.blob), np.array(kept.offsets))
    assert [again[i] for i in range(len(again))] == texts


@given(st.lists(TEXT))
@example(["\uffff", "😀", "z", "", "\0"])
def test_ids_are_numbered_once_each_in_order_of_their_bytes(ids: list[str]) -> None:
    numbered = IdMap.from_ids(ids)
    expected = sorted(set(ids), key=str.encode)
    assert [numbered[i] for i in range(len(numbered))] == expected
    assert [numbered.position(id_) for id_ in expected] == list(range(len(expected)))


@given(st.lists(TEXT), st.lists(TEXT))
def test_a_position_is_missing_exactly_where_the_id_is_unknown(known: list[str], others: list[str]) -> None:
    numbered = IdMap.from_ids(known)
    slow = {id_: at for at, id_ in enumerate(sorted(set(known), key=str.encode))}
    positions = numbered.positions(others + known)
    assert positions.dtype.name == "int32"
    assert positions.tolist() == [slow.get(id_, MISSING) for id_ in others + known]


@given(
    st.lists(st.text("ab\0", max_size=4)),
    st.lists(st.text("ab\0", max_size=4)),
    st.sampled_from(["", "visitor-00000000"]),
)
@example(["a", "a\0", "a\0\0"], ["", "a\0"], "")
def test_ids_that_differ_only_far_back_have_different_positions(
    known: list[str], others: list[str], beginning: str
) -> None:
    ids = sorted({f"{beginning}{end}{more}" for end in known for more in ("", "00000000", "000000001")})
    numbered = IdMap.from_ids(ids)
    wanted = [*ids, *others, *(beginning + end for end in others)]
    slow = {id_: at for at, id_ in enumerate(ids)}
    assert numbered.positions(wanted).tolist() == [slow.get(id_, MISSING) for id_ in wanted]


@given(st.lists(TEXT))
def test_the_order_of_arrival_does_not_matter(ids: list[str]) -> None:
    first, second = IdMap.from_ids(ids), IdMap.from_ids(reversed(ids))
    np.testing.assert_array_equal(first.texts.blob, second.texts.blob)
    np.testing.assert_array_equal(first.texts.offsets, second.texts.offsets)


@pytest.mark.parametrize("known", [[], ["a"], ["", "\U0010ffff"]])
def test_a_lone_surrogate_is_unknown_and_no_error(known: list[str]) -> None:
    assert IdMap.from_ids(known).position(SURROGATE) == MISSING


def test_an_id_map_may_be_empty() -> None:
    numbered = IdMap.from_ids([])
    assert (len(numbered), numbered.position(""), numbered.positions([]).tolist()) == (0, MISSING, [])
