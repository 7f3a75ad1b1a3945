"""Thread limits: one thread per process for BLAS, OpenMP and JAX, whose sums depend on the number of threads.

Set the limits before NumPy loads: later ones do not apply to all threads.
"""

import os
from collections.abc import Mapping, MutableMapping

THREAD_LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "PJRT_NPROC",
)


def limit_threads(env: MutableMapping[str, str], limit: int = 1) -> None:
    """Sets every limit that is not set yet.  Call it with `os.environ` before NumPy is imported."""
    for name in THREAD_LIMITS:
        env.setdefault(name, str(limit))


def wrong_limits(env: Mapping[str, str], limit: int = 1) -> dict[str, str]:
    """The thread limits that are missing or not `limit`, by name; empty when all are right."""
    return {name: env.get(name, "") for name in THREAD_LIMITS if env.get(name) != str(limit)}


def available_cores() -> int:
    """The cores that this process may use; a container or `taskset` may allow fewer than the machine has."""
    return len(os.sched_getaffinity(0))
