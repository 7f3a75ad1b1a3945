"""Drift of the data between two releases: bands of what is usual, learnt from the runs so far, and what left them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np

from recsys.arrays import AnyArray
from recsys.data.dataset.snapshot import Snapshot
from recsys.gate.verdict import Check, GateVerdict
from recsys.time_units import DAY_MS
from training.gate.facts import Facts

COUNTS = ("customers", "items", "events")
ENOUGH_RUNS = 8  # live releases one after the other, before their changes say what is usual
ROOM = 2.0  # twice the largest change so far is still usual
NARROWEST = 0.1
STANDARD_ERRORS = 3.0
CONCENTRATED, TIMES = 0.01, 3.0  # one customer or item with more than so much of the log, and so many times as before
PERIODS = 8  # earlier ones that the newest events are compared with
FEWEST_PERIODS, FEWEST_EVENTS, SHORTEST_DAYS = 3, 50, 0.5

Bands = Mapping[str, float]  # by fact, the share by which it may change


def learn_bands(verdicts: Sequence[GateVerdict], default: float) -> Bands:
    """The share by which each count may change: twice the largest change between live releases, 10 % at least.

    It is wider than the default only as far as a person once forced a release.  The default, before there are 9 runs.
    """
    live = [verdict.facts for verdict in verdicts if verdict.may_go_live and verdict.facts]
    bands = {}
    for name in (*COUNTS, "repeat_share"):
        changes = [_change(before, after, name) for before, after in pairwise(live)]
        if len(changes) >= ENOUGH_RUNS:
            largest = max(changes)
            bands[name] = min(max(ROOM * largest, NARROWEST), max(default, largest))
        else:
            bands[name] = default
    return bands


def drift_of_counts(new: Facts, live: Facts, bands: Bands) -> Iterator[Check]:
    """Customers, items and events; a log that covers twice the time may hold twice as many."""
    longer = _times_longer(new, live)
    for name in COUNTS:
        low, high = 1 - bands[name], (1 + bands[name]) * longer
        ratio = new[name] / live[name] if live[name] else math.inf
        words = f"{name}: {new[name]:,.0f} after {live[name]:,.0f} ({_percent(ratio - 1)})"
        if low <= ratio <= high:
            yield Check(name=f"drift of {name}", result="passed", words=words)
        else:
            usual = f"{_percent(low - 1)} to {_percent(high - 1)} is usual"
            yield Check(name=f"drift of {name}", result="failed", words=f"{words}; {usual}")


def drift_of_repeat_share(new: Facts, live: Facts, bands: Bands) -> Check:
    """The part of purchases that customers made before, beyond the chance of the customers it was measured with."""
    share, before = new["repeat_share"], live["repeat_share"]
    n = max(1.0, min(new["judges"], live["judges"]))
    noise = STANDARD_ERRORS * math.sqrt(2 * before * (1 - before) / n)
    words = f"repeat share: {share:.1%} after {before:.1%}"
    if abs(share - before) <= bands["repeat_share"] * before + noise:
        return Check(name="drift of repeat share", result="passed", words=words)
    usual = f"a change by {bands['repeat_share']:.0%} of it is usual"
    return Check(name="drift of repeat share", result="failed", words=f"{words}; {usual}")


def concentration(new: Facts, live: Facts) -> Iterator[Check]:
    """One customer or one item with far more of the log than before: a robot, or an import that repeats itself."""
    for name, title in (("top_user", "one customer"), ("top_item", "one item")):
        if name not in new or name not in live:
            continue
        words = f"{title} has {new[name]:.1%} of the log, {live[name]:.1%} before"
        is_far_more = new[name] > CONCENTRATED and new[name] > TIMES * live[name]
        yield Check(name=title, result="failed" if is_far_more else "passed", words=words)


def newest_events(snapshot: Snapshot, live_until: float, drift: float) -> Check | None:
    """Events since the live release ended, beside those of equally long periods before; None where too few can tell.

    Periods lie whole weeks before, so that a Sunday is compared with Sundays.
    """
    end, days = snapshot.last_at, snapshot.last_at - live_until
    if days < SHORTEST_DAYS:
        return None
    at = np.sort(snapshot.events["at_ms"].to_numpy()) / DAY_MS
    step = 7.0 * math.ceil(days / 7.0)
    ends = [end - step * number for number in range(PERIODS + 1)]
    counts = [_n_between(at, period_end - days, period_end) for period_end in ends if period_end - days >= at[0]]
    newest, *earlier = counts or [0]
    if len(earlier) < FEWEST_PERIODS or min(earlier) < FEWEST_EVENTS:
        return None
    words = (
        f"{newest:,} events since the live release, at least {min(earlier):,} in each of {len(earlier)} such periods"
    )
    is_usual = newest >= (1 - drift) * min(earlier)
    hint = "" if is_usual else " before: a part seems to be missing"
    return Check(name="newest events", result="passed" if is_usual else "failed", words=words + hint)


def _n_between(at: AnyArray, start: float, end: float) -> int:
    return int(np.searchsorted(at, end, side="right") - np.searchsorted(at, start, side="right"))


def _times_longer(new: Facts, live: Facts) -> float:
    """How many times the span of time of the new log is that of the live one; 1 where it is shorter."""
    return max(1.0, new["days"] / live["days"]) if live["days"] > 0 else math.inf


def _change(before: Facts, after: Facts, name: str) -> float:
    """By which share a fact changed, beyond what the longer log explains."""
    if not before[name]:
        return 0.0
    ratio = after[name] / before[name]
    explained = _times_longer(after, before) if name in COUNTS else 1.0
    return abs(max(1.0, ratio / explained) - 1) if ratio > 1 else 1 - ratio


def _percent(share: float) -> str:
    return "any growth" if math.isinf(share) else f"{share:+.1%}"
