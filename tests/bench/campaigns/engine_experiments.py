"""What an experiment costs a worker for each answer, and how often two equal arms raise a false alarm.

The cost: CPU of one answer of the service, in turns with and without an experiment: from the cache, and made anew.
`tests/bench/experiments.py` measures the same over HTTP.
"""

import argparse
import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from statistics import median

import numpy as np

from api.list_query import list_query
from api.observability.metrics import Metrics
from api.recommendation_service import CacheableQuery, plain_query
from api.schemas.recommendations import RecommendationsIn
from api.settings import ServerConfig
from api.state import AppState
from api.traffic.deadline import NEVER
from recsys.data.store.open import open_store
from recsys.experiments.definition import ExperimentPlan
from recsys.experiments.outcomes import MEASURES, ExperimentOutcomes
from recsys.experiments.state import EXPERIMENTS, Experiment
from recsys.experiments.verdict import judged_looks
from recsys.inference.randomization import N_BUCKETS, buckets_of
from recsys.shared_registry.experiments import start_experiment
from recsys.time_units import now_ms
from tests.bench.experiments import variants
from tests.bench.servers import NOTHING_KEPT

PLAN = ExperimentPlan(id="bench")
COSTS = (("cached", 100, 500), ("live", 16, 2_000), ("one category", 16, 500))  # turns and customers


def asked(kind: str, users: Sequence[str], state: AppState) -> list[CacheableQuery]:
    """A list for each customer: of `home`, or of one of twenty categories."""
    if kind != "one category":
        return [plain_query(user, "home", 10) for user in users]
    words = cycle(state.releases.current().recommender.catalogue.category.words[1:21])
    bodies = ({"user_id": user, "k": 10, "filters": {"category_in": [next(words)]}} for user in users)
    queries = (list_query(RecommendationsIn.model_validate(body)) for body in bodies)
    return [query for query in queries if query is not None]


def plans(home: Path) -> Mapping[str, ExperimentPlan]:
    """An experiment of each kind, whose arms show the same; the last one mixes both lists of `home`."""
    made = {kind: PLAN.model_copy(update={"a": a, "b": b}) for kind, (a, b) in variants(home).items()}
    return made | {"interleaved": made["placements"].model_copy(update={"interleaved": "home"})}


async def cost(home: Path, plan: ExperimentPlan, kind: str, turns: int, n_customers: int) -> str:
    """The CPU of an answer with that experiment and without one.

    Each turn answers the same customers with and without; before that once unmeasured.
    """
    config = ServerConfig.load(home, home / "recsys.toml", {**os.environ, **({} if kind == "cached" else NOTHING_KEPT)})
    (config.bundles / EXPERIMENTS).unlink(missing_ok=True)
    start_experiment(config.bundles, None, plan, now_ms())
    with closing(open_store(home, None)) as store:
        users = [user_id for user_id, _ in zip(store.event_owner_ids(), range(n_customers), strict=False)]
        state = AppState(config, store, Metrics())
        await state.releases.start()
        running, queries = state.releases.experiment.now, asked(kind, users, state)
        assert running is not None
        seconds: dict[bool, list[float]] = {True: [], False: []}
        for turn in range(turns):
            for is_on in (True, False) if turn % 2 else (False, True):
                state.releases.experiment.now = running if is_on else None
                await asyncio.sleep(0)
                for measured in (False, True):
                    started = time.thread_time()
                    for query in queries:
                        state.recommendations.answer_now(query, NEVER, lambda _: None)
                    state.releases.experiment.count_outcomes()
                    if measured:
                        seconds[is_on].append((time.thread_time() - started) / len(queries) * 1e6)
        await state.releases.close()
    on, off = median(seconds[True]), median(seconds[False])
    more = median(a - b for a, b in zip(seconds[True], seconds[False], strict=True))
    return f"{kind}: {on:.1f} us of CPU an answer with an experiment, {off:.1f} us without; by turn {more:+.1f} us"


def alarms(draws: int, lift: float, seed: int) -> tuple[float, float, float]:
    """Of so many draws: the share that a planned look ends for B, or for A; and by looks at 1.96.  B earns more by
    `lift`; 2,000 customers who spend unequally, as they did before."""
    rng = np.random.default_rng(seed)
    taste = rng.gamma(1.5, 60.0, 2_000)
    before = taste * rng.gamma(4.0, 0.25, 2_000)
    weeks = np.cumsum([taste / 4 * rng.gamma(1.0, 1.0, 2_000) for _ in range(4)], axis=0)
    users, zeros = [f"user-{n}" for n in range(2_000)], np.zeros(2_000)
    experiment = Experiment(plan=PLAN, salt="", began_at_ms=0)
    better = worse = naive = 0
    for draw in range(draws):
        is_b = np.asarray(buckets_of(f"draw-{draw}", users) < N_BUCKETS // 2)
        base = ExperimentOutcomes(is_b, dict.fromkeys(MEASURES, zeros), before, zeros, zeros)
        looks = [replace(base, by_measure={**base.by_measure, "money": week * (1 + lift * is_b)}) for week in weeks]
        last = judged_looks(looks, experiment)[-1]
        better, worse = better + (last.is_decisive and last.z > 0), worse + (last.is_decisive and last.z < 0)
        naive += any(abs(judged_looks([look], experiment)[0].z) > 1.96 for look in looks)
    return better / draws, worse / draws, naive / draws


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="a trained home for the cost; it is copied")
    parser.add_argument("--draws", type=int, default=2_000)
    options = parser.parse_args(arguments)
    for lift in (0.0, 0.05, 0.1):
        better, worse, naive = alarms(options.draws, lift, seed=1)
        ends = f"four looks end {better:.1%} for B, {worse:.1%} for A"
        print(f"B earns {lift:.0%} more: {ends}; looks at 1.96 end {naive:.1%}")
    if options.home is not None:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(options.home, Path(folder) / "home", symlinks=True)
            for name, plan in plans(Path(folder) / "home").items():
                for kind, turns, n_customers in COSTS:
                    more = asyncio.run(cost(Path(folder) / "home", plan, kind, turns, n_customers))
                    print(f"experiment of {name}, {more}", flush=True)
