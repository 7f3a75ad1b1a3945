"""Results of a backtest on the shop's log, as plain data: for the terminal, for files and for reports.

Metrics are named with their length, such as "ndcg@10"; lists are named as in `ListSummary`.  Days count from 1970.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from eval.scoring.scorer import GroupResult, Result
from eval.scoring.user_samples import UserSample
from eval.stats.paired import Comparison

ListKind = Literal["baseline", "model", "placement"]


@dataclass(frozen=True, slots=True)
class ListSummary:
    """One list in one task.

    pooled: over the customers of all windows; windows: each window alone, in the order of Evaluation.windows.
    shelf: mean over the windows of coverage, coverage_of_sold, gini, novelty, diversity, vector_diversity,
    popularity_lift, miscalibration, stability, n_shown, latency_ms, latency_p95_ms; those that make sense for the list.
    verdicts: by baseline, in words: "better by 4-8 %; worse for light buyers".
    precision_against: over all windows, the paired comparison in the share of the list that was bought, by baseline;
    none of a baseline.
    """

    name: str
    kind: ListKind
    pooled: Result
    windows: Sequence[Result]
    groups: Sequence[GroupResult]
    shelf: Mapping[str, float]
    verdicts: Mapping[str, str]
    precision_against: Mapping[str, Comparison] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TaskResult:
    """All lists in one task.

    name: "all", judged by everything bought afterwards; "repeat", the same lists judged only by items that the
    customer had bought before; "new", lists without items that the customer had bought, judged by first purchases.
    """

    name: str
    lines: Sequence[ListSummary]
    n_customers: int


@dataclass(frozen=True, slots=True)
class WindowFacts:
    """One window: learnt from everything before `cut`, judged by the purchases from there to `until`.

    n_items: those that could be shown.  repeat_share: of the held-back pairs of customer and item.
    blend: the weights chosen for the window.  held_back: the events that chose them, all before the cut.
    left_out: counts by reason.
    """

    cut: float
    until: float
    n_customers: int
    n_items: int
    n_held_back: int
    repeat_share: float
    blend: Mapping[str, float]
    held_back: str
    seconds: float
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything a backtest gives.  windows: the latest first.  notes: parts that were left out, with the reason.

    run_id: the same for the same settings over the same log.  settings: those of the request.  samples: some customers
    of the latest window with two of the lists that hold everything.
    """

    run_id: str
    settings: Mapping[str, Any]
    k: int
    windows: Sequence[WindowFacts]
    tasks: Sequence[TaskResult]
    notes: Sequence[str]
    steps: Mapping[str, Mapping[str, float]]
    samples: Sequence[UserSample] = ()
