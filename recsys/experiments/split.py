"""Sticky split of the customers over the arms: by a keyed hash, the same in every worker, at any time."""

from collections.abc import Sequence

import numpy as np

from recsys.arrays import Bools, Ints
from recsys.experiments.definition import ArmName
from recsys.experiments.state import Experiment
from recsys.inference.randomization import bucket_of, buckets_of


def customer_bucket(experiment: Experiment, owner: str) -> int:
    """The bucket of a customer, by the id that they were merged into."""
    return bucket_of(experiment.salt, owner)


def arm_of(experiment: Experiment, bucket: int) -> ArmName | None:
    """B has the first buckets, A as many after them; None for customers who do not take part."""
    n = experiment.n_buckets
    return "B" if bucket < n else "A" if bucket < 2 * n else None


def arms_of(experiment: Experiment, owners: Sequence[str]) -> tuple[Bools, Bools]:
    """Whether each customer is in A, and whether in B: (N,) and (N,)."""
    buckets: Ints = buckets_of(experiment.salt, owners)
    n = experiment.n_buckets
    return np.asarray((buckets >= n) & (buckets < 2 * n)), np.asarray(buckets < n)
