"""What an evaluation of the shop found, as plain data: for the terminal, for files, and for whoever tells it.

Metrics are named with their length, such as "ndcg@10"; names of lists are those of `Line`.  Days count from 1970.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from eval.scoring.results import GroupResult, Result

ListKind = Literal["baseline", "model", "placement"]


@dataclass(frozen=True, slots=True)
class ListSummary:
    """One list in one task.

    pooled: over the customers of all windows; windows: each by itself, in the order of Evaluation.windows.
    shelf: mean over the windows of coverage, coverage_of_sold, gini, novelty, diversity, vector_diversity,
    popularity_lift, miscalibration, stability, n_shown, latency_ms, latency_p95_ms; those that make sense for the list.
    verdicts: by baseline, in words: "better by 4-8 %; worse for light buyers".
    """

    name: str
    kind: ListKind
    pooled: Result
    windows: Sequence[Result]
    groups: Sequence[GroupResult]
    shelf: Mapping[str, float]
    verdicts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TaskResult:
    """One question asked of all lists.

    name: "all", everything bought afterwards; "repeat", the same lists judged only by what was bought again; "new",
    lists without what each had before, judged by what was never bought before.
    """

    name: str
    lines: Sequence[ListSummary]
    n_customers: int


@dataclass(frozen=True, slots=True)
class WindowFacts:
    """One window: learnt from everything before `cut`, judged by what was bought from there to `until`.

    n_items: those that could be shown.  repeat_share: of the held-back pairs of customer and item.
    blend: the weights found for it.  held_back: what they were chosen by, all of it before the cut.
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
    """Everything that was found.  windows: the latest first.  notes: what could not be done, and why.

    run_id: the same settings over the same log give the same.  settings: what was asked for.
    """

    run_id: str
    settings: Mapping[str, Any]
    k: int
    windows: Sequence[WindowFacts]
    tasks: Sequence[TaskResult]
    notes: Sequence[str]
    steps: Mapping[str, Mapping[str, float]]
