"""The contract of every vector index."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from recsys.arrays import Bools, Floats
from recsys.errors import BadBundle, BadInput
from recsys.index.ann import HnswIndex
from recsys.index.base import FILE_NAME, Index
from recsys.index.build import build_index, load, measured_recall
from recsys.index.exact import FIRST, ExactIndex

INDEXES: dict[str, Callable[[Floats], Index]] = {"exact": ExactIndex.from_vectors, "hnsw": HnswIndex.from_vectors}
every_index = pytest.mark.parametrize("make", INDEXES.values(), ids=INDEXES.keys())

# Small whole numbers: inner products are exact in float32, and ties are everywhere.
whole = st.integers(-3, 3).map(float)
vectors = arrays_of.arrays(np.float32, st.tuples(st.integers(1, 40), st.just(4)), elements=whole)
some_queries = arrays_of.arrays(np.float32, st.tuples(st.integers(0, 4), st.just(4)), elements=whole)


def cloud(n: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).standard_normal((n, 16)).astype(np.float32)


def brute_force(items: Floats, query: Floats, k: int, eligible: Bools) -> list[int]:
    scores, at = items @ query, np.flatnonzero(eligible)
    return list(at[np.lexsort((at, -scores[at]))][:k].tolist())


def mask_of(n: int, seed: int, share: float) -> Bools:
    return np.random.default_rng(seed).random(n) < share


@given(n=st.integers(1, 2_500), k=st.integers(1, 60), seed=st.integers(0, 99), share=st.floats(0, 1))
def test_rows_that_a_caller_keeps_give_what_a_mask_gives(n: int, k: int, seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    items = np.round(rng.standard_normal((n, 4)) * rng.pareto(2.0, (n, 1))).astype(np.float32)
    query, kept, eligible = np.array([1, -2, 0, 3], np.float32), mask_of(n, seed + 1, share), mask_of(n, seed + 2, 0.7)
    index = ExactIndex.from_vectors(items)

    found, scores = index.search_rows(query, k, index.rows(np.flatnonzero(kept)), eligible)

    assert found.tolist() == brute_force(items, query, k, kept & eligible)
    assert scores.tolist() == (items @ query)[found].tolist()


@every_index
@given(items=vectors, queries=some_queries, k=st.integers(0, 60), seed=st.integers(0, 99), share=st.floats(0, 1))
def test_a_list_has_k_items_or_all_eligible_ones(
    make: Callable[[Floats], Index], items: Floats, queries: Floats, k: int, seed: int, share: float
) -> None:
    eligible = mask_of(len(items), seed, share)

    positions, scores = make(items).search(queries, k, eligible)

    assert positions.shape == scores.shape == (len(queries), min(k, int(eligible.sum())))
    assert positions.dtype == np.int32
    assert scores.dtype == np.float32
    assert eligible[positions].all()
    assert all(len(set(row)) == len(row) for row in positions.tolist())


@given(items=vectors, queries=some_queries, k=st.integers(0, 60), seed=st.integers(0, 99), share=st.floats(0, 1))
def test_exact_search_agrees_with_brute_force_down_to_the_order_of_ties(
    items: Floats, queries: Floats, k: int, seed: int, share: float
) -> None:
    eligible = mask_of(len(items), seed, share)

    positions, scores = ExactIndex.from_vectors(items).search(queries, k, eligible)

    assert positions.tolist() == [brute_force(items, query, k, eligible) for query in queries]
    np.testing.assert_array_equal(scores, np.take_along_axis(queries @ items.T, positions.astype(np.int64), axis=1))


@every_index
@given(items=vectors, queries=some_queries, k=st.integers(1, 60))
def test_scores_fall_and_ties_stand_by_position(
    make: Callable[[Floats], Index], items: Floats, queries: Floats, k: int
) -> None:
    positions, scores = make(items).search(queries, k)

    falls, ties = np.diff(scores) < 0, np.diff(scores) == 0
    assert (falls | (ties & (np.diff(positions) > 0))).all()


@every_index
def test_no_mask_is_the_same_as_a_mask_of_all_items(make: Callable[[Floats], Index]) -> None:
    index = make(cloud(300))

    free = index.search(cloud(3, seed=1), 20)
    masked = index.search(cloud(3, seed=1), 20, np.ones(300, bool))

    np.testing.assert_array_equal(free[0], masked[0])
    np.testing.assert_array_equal(free[1], masked[1])


@every_index
def test_rows_do_not_influence_each_other(make: Callable[[Floats], Index]) -> None:
    index, queries = make(cloud(500)), cloud(40, seed=1)

    together = index.search(queries, 10)
    alone = [index.search(queries[row : row + 1], 10) for row in range(40)]

    np.testing.assert_array_equal(together[0], np.concatenate([positions for positions, _ in alone]))
    np.testing.assert_array_equal(together[1], np.concatenate([scores for _, scores in alone]))


@every_index
def test_items_without_a_vector_come_in_order_of_position(make: Callable[[Floats], Index]) -> None:
    index = make(np.zeros((500, 16), np.float32))

    positions, scores = index.search(cloud(1), 5)

    assert positions.tolist() == [[0, 1, 2, 3, 4]]
    assert not scores.any()


@every_index
def test_no_eligible_item_gives_an_empty_list(make: Callable[[Floats], Index]) -> None:
    positions, scores = make(cloud(50)).search(cloud(2), 10, np.zeros(50, bool))

    assert positions.shape == scores.shape == (2, 0)


@every_index
def test_one_eligible_item_among_many_is_found(make: Callable[[Floats], Index]) -> None:
    index, query = make(cloud(2_000)), cloud(1, seed=1)
    positions = [index.search(query, 10, np.arange(2_000) == item)[0].tolist() for item in range(0, 2_000, 97)]

    assert positions == [[[item]] for item in range(0, 2_000, 97)]


@every_index
def test_an_index_comes_back_from_its_file_as_it_was(make: Callable[[Floats], Index], tmp_path: Path) -> None:
    index, queries, eligible = make(cloud(800)), cloud(5, seed=1), mask_of(800, 2, 0.6)
    index.save(tmp_path)

    loaded = load(tmp_path)

    assert type(loaded) is type(index)
    assert loaded.n_items == 800
    for mask in (None, eligible):
        np.testing.assert_array_equal(loaded.search(queries, 10, mask)[0], index.search(queries, 10, mask)[0])
        np.testing.assert_array_equal(loaded.search(queries, 10, mask)[1], index.search(queries, 10, mask)[1])


@every_index
def test_a_mask_of_the_wrong_length_is_refused(make: Callable[[Floats], Index]) -> None:
    with pytest.raises(BadInput, match="one flag for each item"):
        make(cloud(50)).search(cloud(1), 10, np.ones(49, bool))


@every_index
def test_a_query_with_nan_is_refused(make: Callable[[Floats], Index]) -> None:
    with pytest.raises(BadInput, match="NaN"):
        make(cloud(50)).search(np.full((1, 16), np.nan, np.float32), 10)


def test_a_graph_over_a_plain_cloud_finds_nearly_everything() -> None:
    items = cloud(5_000)

    recall = measured_recall(HnswIndex.from_vectors(items), ExactIndex.from_vectors(items), cloud(50, seed=1), 20)

    assert recall >= 0.97


def test_a_graph_keeps_its_recall_under_a_wide_mask() -> None:
    items, queries, eligible = cloud(5_000), cloud(50, seed=1), mask_of(5_000, 2, 0.5)

    approximate, _ = HnswIndex.from_vectors(items).search(queries, 20, eligible)
    exact, _ = ExactIndex.from_vectors(items).search(queries, 20, eligible)

    hits = sum(len(np.intersect1d(a, b)) for a, b in zip(approximate, exact, strict=True))
    assert hits / exact.size >= 0.97


def test_a_small_catalogue_gets_the_exact_index() -> None:
    index, report = build_index(cloud(300), rng=np.random.default_rng(0))

    assert isinstance(index, ExactIndex)
    assert (report.kind, report.n_items, report.recall, report.rejected_recall) == ("exact", 300, 1.0, None)


def test_a_large_catalogue_gets_a_graph_with_its_measured_recall() -> None:
    index, report = build_index(cloud(3_000), rng=np.random.default_rng(0), exact_up_to=1_000)

    assert isinstance(index, HnswIndex)
    assert report.kind == "hnsw"
    assert 0.97 <= report.recall <= 1.0


def test_a_graph_that_misses_too_much_does_not_go_live() -> None:
    index, report = build_index(cloud(3_000), rng=np.random.default_rng(0), exact_up_to=1_000, min_recall=1.01)

    assert isinstance(index, ExactIndex)
    assert (report.kind, report.recall) == ("exact", 1.0)
    assert report.rejected_recall is not None
    assert report.rejected_recall >= 0.97


def test_recall_is_measured_with_the_given_queries() -> None:
    items = cloud(2_000)
    queries, rng = cloud(7, seed=1), np.random.default_rng(0)

    _, report = build_index(items, rng=rng, queries=queries, exact_up_to=1_000)

    assert report.recall == measured_recall(HnswIndex.from_vectors(items), ExactIndex.from_vectors(items), queries, 20)


def test_item_vectors_with_infinity_are_refused() -> None:
    items = cloud(300)
    items[7, 3] = np.inf

    with pytest.raises(BadInput, match="item vector"):
        build_index(items, rng=np.random.default_rng(0))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"not an index")

    with pytest.raises(BadBundle, match="retrain"):
        load(tmp_path)


PRIVATE_KIB_OF_A_LOADED_INDEX = """
import sys
from pathlib import Path
import numpy as np
from recsys.index.build import load

def private_kib():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))

query = np.ones((1, 16), np.float32)
before = private_kib()
index = load(Path(sys.argv[1]))
for _ in range(3):
    index.search(query, 10)
print(private_kib() - before)
"""


@every_index
def test_a_loaded_index_is_mapped_and_not_copied(make: Callable[[Floats], Index], tmp_path: Path) -> None:
    make(cloud(60_000 if make == ExactIndex.from_vectors else 4_000)).save(tmp_path)
    size_kib = (tmp_path / FILE_NAME).stat().st_size / 1024

    command = [sys.executable, "-c", PRIVATE_KIB_OF_A_LOADED_INDEX, str(tmp_path)]
    private_kib = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert private_kib < 0.5 * size_kib


def skewed(n: int = 40_000, seed: int = 0) -> Floats:
    """Vectors whose lengths fall off steeply, like those of a shop's items."""
    rng = np.random.default_rng(seed)
    lengths = (1.0 + np.arange(n)) ** -0.7
    vectors: Floats = (rng.standard_normal((n, 8)) * rng.permutation(lengths)[:, None]).astype(np.float32)
    return vectors


@pytest.mark.parametrize("share", [1.0, 0.5, 0.01])
@pytest.mark.parametrize("k", [1, 10, 300])
def test_an_early_stop_gives_the_same_list_as_a_full_scan(share: float, k: int) -> None:
    items, queries = skewed(), cloud(20)[:, :8]
    eligible = mask_of(len(items), 1, share)
    positions, scores = ExactIndex.from_vectors(items).search(queries, k, eligible)
    for query, items_found, item_scores in zip(queries, positions, scores, strict=True):
        best = brute_force(items, query, k, eligible)
        assert items_found.tolist() == best
        np.testing.assert_allclose(item_scores, items[best] @ query, rtol=1e-4, atol=1e-7)


@given(items=vectors, queries=some_queries, k=st.integers(0, 60), seed=st.integers(0, 99), share=st.floats(0, 1))
def test_ties_stand_by_position_whatever_the_size_of_the_first_block(
    items: Floats, queries: Floats, k: int, seed: int, share: float
) -> None:
    eligible = mask_of(len(items), seed, share)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recsys.index.exact.FIRST", 2)
        positions, _ = ExactIndex.from_vectors(items).search(queries, k, eligible)
    assert positions.tolist() == [brute_force(items, query, k, eligible) for query in queries]


def test_most_queries_visit_only_the_longest_vectors() -> None:
    assert ExactIndex.from_vectors(skewed()).mean_visited(cloud(50)[:, :8], 50) < 12_000


def test_a_large_catalogue_with_few_long_vectors_stays_exact() -> None:
    index, report = build_index(skewed(), rng=np.random.default_rng(0), queries=cloud(50)[:, :8], exact_up_to=39_000)
    assert isinstance(index, ExactIndex)
    assert report.looked_at is not None
    assert FIRST <= report.looked_at < 39_000 / 4


def test_vectors_of_equal_length_give_the_exact_list() -> None:
    items = cloud(40_000)
    items /= np.linalg.norm(items, axis=1, keepdims=True)
    eligible = mask_of(len(items), 2, 0.5)
    positions, _ = ExactIndex.from_vectors(items).search(items[:3], 20, eligible)
    for query, items_found in zip(items[:3], positions, strict=True):
        assert items_found.tolist() == brute_force(items, query, 20, eligible)


def test_a_mutated_graph_is_refused_or_searched_without_leaving_it(tmp_path: Path) -> None:
    HnswIndex.from_vectors(cloud(300), links=4).save(tmp_path)
    whole = (tmp_path / FILE_NAME).read_bytes()
    rng, refused = np.random.default_rng(0), 0
    for n in range(90):
        changed = bytearray(whole)
        at = int(rng.integers(len(whole) if n % 3 else 300))
        changed[at] ^= 1 << int(rng.integers(8))
        (tmp_path / FILE_NAME).unlink()
        (tmp_path / FILE_NAME).write_bytes(changed)
        try:
            index = load(tmp_path)
        except BadBundle:
            refused += 1
            continue
        if index.shape == (300, cloud(1).shape[1]):
            items, _ = index.search(cloud(3), 20)
            assert items.shape == (3, 20)
            assert all(len(set(row)) == 20 for row in items.tolist())
    assert refused > 10
