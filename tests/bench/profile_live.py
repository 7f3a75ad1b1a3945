"""Where the microseconds of an answer go: `python -m tests.bench.profile_live HOME [PLACEMENT]`."""

import cProfile
import pstats
import sys
import time
from pathlib import Path

from recsys.threads import limit_threads


def main(home: Path, placement: str) -> None:
    """Answers every customer in this process without any cache: by the clock, then under the profiler."""
    from recsys.ranking.query import Query
    from recsys.ranking.recommender import open_recommender
    from recsys.time_units import DAY_MS

    recommender = open_recommender(home, home / "recsys.toml")
    now_ms = int(recommender.bundle.manifest.now * DAY_MS)
    users = recommender.engine.users.texts.all()
    asks = [Query(now_ms, placement, 10, user_id) for user_id in users]

    def answer_all() -> None:
        for ask in asks:
            recommender.recommend(ask)

    answer_all()
    took = []
    for _ in range(3):
        started = time.process_time()
        answer_all()
        took.append(time.process_time() - started)
    print(f"{placement}: {min(took) / len(asks) * 1e6:,.0f} µs of CPU an answer over {len(asks):,} customers")
    profile = cProfile.Profile()
    profile.runcall(answer_all)
    pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(28)
    pstats.Stats(profile).strip_dirs().sort_stats("cumtime").print_stats(40)


if __name__ == "__main__":
    import os

    limit_threads(os.environ)
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "home")
