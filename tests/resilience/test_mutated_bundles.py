"""A bundle that is damaged and sealed with right digests is refused with a reason, or answers rightly."""

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recsys.bundle import open_bundle
from recsys.data.events import Event, Kind
from recsys.engine.engine import Engine
from recsys.engine.parts import parts_of
from recsys.errors import BadBundle, UnknownAttribute
from recsys.models.registry import MODELS
from recsys.ranking.filters.expression import build_where, one_of
from recsys.ranking.filters.spec import Filters
from recsys.ranking.query import ListOptions, Query
from recsys.ranking.recommender import Recommender, build_recommender
from tests.resilience.bundle_mutations import Mutations
from tests.resilience.full_release import NOW_MS, full_release, full_release_made_once

QUICK, SLOW = 40, 1_000


SINCE_OLDER_RELEASES = [f"catalogue/{name}.npy" for name in ("names/order", "paid", "is_priced")]  # they have defaults


@pytest.fixture(scope="module")
def mutations(tmp_path_factory: pytest.TempPathFactory) -> Mutations:
    other = tmp_path_factory.mktemp("releases") / "other"
    return Mutations(full_release_made_once(tmp_path_factory), full_release(other, 1, n_items=22))


def queries(recommender: Recommender) -> Iterator[Query]:
    """A query for every placement and kind of customer, with filters and options."""
    recent = [Event("r-1", "user-004", "item-002", Kind.PURCHASE, NOW_MS - 1_000)]
    red = Filters(where=build_where(one_of("colour", ["red"])))
    plain = Query(NOW_MS, "home", 8, "user-003")
    yield from (replace(plain, placement=name, context_item_ids=("item-005",)) for name in recommender.placements)
    yield from (replace(plain, user_id=f"user-{n:03}") for n in range(0, 60, 7))
    yield replace(plain, k=100)
    yield replace(plain, user_id="user-004", recent=recent, explain=True)
    yield replace(plain, user_id=None, session=recent)
    yield replace(plain, user_id=None, attributes={"age": 24, "kind": "camp-1"})
    yield replace(plain, filters=red, options=ListOptions(diversity=0.5, max_per={"category": 2}, seed=1))
    yield replace(plain, placement="buy-again", k=5, filters=Filters(price_to=9.0))


def check_answers(recommender: Recommender) -> None:
    """Every list is full and holds no item twice; nothing else raises."""
    for query in queries(recommender):
        try:
            whole = recommender.recommend(query)
        except UnknownAttribute:  # right where the only attribute has another name now
            continue
        ids = [item.item_id for item in whole.items]
        assert len(set(ids)) == len(ids), f"an item twice: {query}"
        if query.options is None:
            assert len(ids) == min(query.k, recommender.count_eligible(query)), f"a short list: {query}"
        assert all(np.isfinite(item.score) for item in whole.items), f"a score that is no number: {query}"
    _check_others(recommender)


def _check_others(recommender: Recommender) -> None:
    items = [recommender.catalogue.item_id(at) for at in (0, 5, recommender.catalogue.n_items - 1)]
    similar = recommender.similar_query(items[0], k=5, now_ms=NOW_MS)
    assert len(recommender.recommend(similar).items) == min(5, recommender.count_eligible(similar))
    for model in recommender.engine.models:
        recommender.rank(Query(NOW_MS, user_id="user-005"), items, model=model)
    recommender.audience(items[1], now_ms=NOW_MS, limit=9, has_consent=lambda *_: True)
    recommender.lookalikes("user-007", (), k=5, has_consent=lambda *_: True)
    if recommender.rating_predictor is not None:
        assert np.isfinite(recommender.expected_rating("user-006", items[2]))
        assert np.isfinite(recommender.expected_rating(None, items[2]))


def fault_of(directory: Path) -> str | None:
    """What went wrong with that bundle; None where it answers, and "" where it is refused with a reason."""
    try:
        recommender = build_recommender(open_bundle(directory), (), None)
    except BadBundle as error:
        return "" if str(directory) in str(error) else f"{error} names no file"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a fault of ours
        return f"opening raises {error!r}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            check_answers(recommender)
    except Exception as error:  # noqa: BLE001 - the same
        return f"{error!r}"[:400]
    return None


def outcomes(mutations: Mutations, numbers: range, folder: Path) -> tuple[int, list[str]]:
    """How many were refused, and what went wrong with the others."""
    what = {n: mutations.make(n, folder / str(n)) for n in numbers}
    faults = {n: fault_of(folder / str(n)) for n in numbers}
    wrong = [f"{n}: {what[n]}: {fault}" for n, fault in faults.items() if fault]
    return list(faults.values()).count(""), wrong


def test_the_release_itself_answers_every_query(mutations: Mutations, tmp_path: Path) -> None:
    recommender = build_recommender(open_bundle(mutations._original), (), None)
    check_answers(recommender)
    assert recommender.engine.models.keys() == MODELS.keys()
    folders = {name.partition("/")[0] for name in recommender.bundle.names}
    too_even = {"category_needs"}  # all customers of this shop buy of all their categories again: nothing to learn
    assert folders >= {stored.folder for _, stored in parts_of(Engine)} - too_even
    assert recommender.rating_predictor is not None


def test_some_mutations_are_refused_or_answer_rightly(mutations: Mutations, tmp_path: Path) -> None:
    refused, wrong = outcomes(mutations, range(QUICK), tmp_path)
    assert not wrong, "\n".join(wrong)
    assert refused > QUICK / 2


@pytest.mark.slow
def test_1000_mutations_are_refused_or_answer_rightly(mutations: Mutations, tmp_path: Path) -> None:
    refused, wrong = outcomes(mutations, range(QUICK, QUICK + SLOW), tmp_path)
    assert not wrong, "\n".join(wrong)
    assert refused > SLOW / 2


def test_a_missing_array_of_the_catalogue_is_refused(mutations: Mutations, tmp_path: Path) -> None:
    for name in (name for name in mutations.arrays if name.startswith("catalogue/")):
        mutations.without(name, tmp_path / name)
        fault = fault_of(tmp_path / name)
        assert fault == "" or (fault is None and name in SINCE_OLDER_RELEASES), name


@pytest.mark.slow
def test_any_missing_array_is_refused_or_has_a_default(mutations: Mutations, tmp_path: Path) -> None:
    for name in mutations.arrays:
        mutations.without(name, tmp_path / name)
        assert not fault_of(tmp_path / name), name
