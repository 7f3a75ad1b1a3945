"""A blend brings its parts to one scale and adds them up by weight."""

import numpy as np

from recsys.models.blend import blended
from recsys.models.candidates import NO_CANDIDATES, Candidates


def candidates(*items: int, scores: tuple[float, ...] | None = None) -> Candidates:
    falling = scores or tuple(float(len(items) - at) for at in range(len(items)))
    return Candidates(np.array(items, np.int32), np.array(falling, np.float32))


def test_a_part_with_high_scores_counts_no_more_than_its_weight() -> None:
    loud, quiet = candidates(1, 2, scores=(1e6, 1e6)), candidates(3, scores=(1e-6,))
    assert blended([(loud, 0.5), (quiet, 0.5)], 1).items.tolist() == [3]


def test_parts_without_weight_or_candidates_are_ignored() -> None:
    assert blended([(candidates(1), 0.0), (NO_CANDIDATES, 1.0)], 5) is NO_CANDIDATES
