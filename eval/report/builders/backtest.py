"""The story of an evaluation on the shop's own log."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from eval.backtest.baselines import BEST_SELLERS, SEGMENT
from eval.backtest.results import Evaluation, ListSummary, Result, TaskResult, WindowFacts
from eval.backtest.segments import MEANING
from eval.backtest.table import as_data
from eval.formatting import date
from eval.report.builders.backtest_tables import figures_of, tables_of
from eval.report.formatting import span_of_days
from eval.report.labels import title_of
from eval.report.story import (
    Exclusion,
    GroupStory,
    PairedDifference,
    Role,
    ShelfStory,
    Span,
    Story,
    StoryEntry,
    Wording,
)
from eval.stats.intervals import Estimate
from eval.stats.paired import Comparison

OURS, DISCOVERER = "home", "discover"
TITLES = {
    BEST_SELLERS: "Best-sellers of the last 28 days",
    SEGMENT: "Best-sellers among customers alike",
    "buy-again": "What to buy again",
}
OURS_TITLES = {OURS: "Personal list (home)", DISCOVERER: "Personal list of new things (discover)"}
SPANS_OF_TIME = "In each span of time"
FAMILIES = {
    "activity": "How much they buy",
    "recency": "When they last came",
    "value": "How much they spend",
    "new or returning": "New or returning",
    "top category": "What they mostly buy",
    "channel": "Where they buy",
}
IN_TABLES_ONLY = ("frequency", "recency, frequency, value")  # say what activity, recency and value say


@dataclass(frozen=True, slots=True)
class Cast:
    """Which two lists the page compares, on everything and on new things, and how it calls them."""

    title: str
    wording: Wording
    ours: str
    rival: str
    discoverer: str
    discovery_rival: str
    titles: Mapping[str, str]
    facts: Mapping[str, str]


def story_of(found: Evaluation, now: datetime) -> Story:
    """Everything the page tells: the list of the home page, and the list of new things, beside the best-sellers."""
    wording = Wording(when=span_of_days(float(found.settings["days"])))
    ours = (OURS, BEST_SELLERS, DISCOVERER, BEST_SELLERS)
    cast = Cast("Which list is better?", wording, *ours, {**TITLES, **OURS_TITLES}, _facts(found))
    return story_with(found, cast, now)


def story_with(found: Evaluation, cast: Cast, now: datetime) -> Story:
    """The story of those two lists."""
    tasks = {task.name: task for task in found.tasks}
    judged = [_judged(line, found, tasks["repeat"], cast) for line in tasks["all"].lines]
    ours, rival = (_line(tasks["all"], name) for name in (cast.ours, cast.rival))
    baselines = [one for one in judged if one.role == "baseline"]
    return Story(
        title=cast.title,
        wording=cast.wording,
        k=found.k,
        judged=judged,
        ours=cast.ours,
        rival=cast.rival,
        simple=max(baselines, key=lambda one: one.found.mean).name,
        n_customers=tasks["all"].n_customers,
        groups=[*_spans_of_time(ours, rival, found), *_groups(ours, rival, found.k)],
        n_groups_hidden=0,
        facts=cast.facts,
        exclusions=[out for window in found.windows for out in _exclusions(window)],
        warnings=[],
        tables=tables_of(found),
        figures=figures_of(found),
        settings=_settings(found),
        data=as_data(found),
        run_id=found.run_id,
        made_at=f"{now:%Y-%m-%d %H:%M}",
        repeat_share=_repeat_share(found.windows),
        discovery=[_discovered(line, found, cast) for line in tasks["new"].lines],
        discoverer=cast.discoverer,
        discovery_rival=cast.discovery_rival,
        floor=BEST_SELLERS,
        families={_family(name): meaning for name, meaning in MEANING.items()},
        windows=_windows(ours, cast.rival, found),
        notes=found.notes,
    )


def _line(task: TaskResult, name: str) -> ListSummary:
    return next(line for line in task.lines if line.name == name)


def _judged(line: ListSummary, found: Evaluation, repeat: TaskResult, cast: Cast) -> StoryEntry:
    again = _line(repeat, line.name).pooled
    return StoryEntry(
        name=line.name,
        title=cast.titles.get(line.name, title_of(line.name)),
        role=_role(line, cast.ours),
        found=_things(line.pooled, found.k),
        again=_things(again, found.k),
        reached=_span(line.pooled.metrics[f"hit@{found.k}"]),
        money=_span(line.pooled.metrics[f"revenue_recall@{found.k}"]),
        shelf=_shelf(line, found.windows[0].n_items),
        leads=_leads(line.pooled),
    )


def _discovered(line: ListSummary, found: Evaluation, cast: Cast) -> StoryEntry:
    return StoryEntry(
        name=line.name,
        title=cast.titles.get(line.name, title_of(line.name)),
        role=_role(line, cast.discoverer),
        found=_things(line.pooled, found.k),
        leads=_leads(line.pooled),
    )


def _role(line: ListSummary, ours: str) -> Role:
    return "ours" if line.name == ours else "baseline" if line.kind == "baseline" else "model"


def _span(estimate: Estimate) -> Span:
    return Span(estimate.mean, estimate.low, estimate.high)


def _things(result: Result, k: int) -> Span:
    """How many things of a list of k were bought."""
    share = result.metrics[f"precision@{k}"]
    return Span(k * share.mean, k * share.low, k * share.high)


def _leads(result: Result) -> dict[str, PairedDifference]:
    return {rival: _lead(comparison) for rival, comparison in result.against.items()}


def _lead(told: Comparison) -> PairedDifference:
    """As a share of what the rival achieves; NaN where that is nothing."""
    parts = (told.difference, told.low, told.high)
    span = Span(*(part / told.champion if told.champion > 0 else math.nan for part in parts))
    return PairedDifference(span, told.verdict, told.n_customers, "share")


def _shelf(line: ListSummary, n_items: int) -> ShelfStory | None:
    seen = line.shelf.get("n_shown", math.nan)
    if math.isnan(seen):
        return None
    return ShelfStory(round(seen), n_items, None, line.shelf.get("gini", math.nan))


def _groups(ours: ListSummary, rival: ListSummary, k: int) -> list[GroupStory]:
    """Those of the slices that part customers and tell something of their own; all of them stand in the tables."""
    beside = {(group.slice, group.name): group.result for group in rival.groups}
    sizes = Counter(group.slice for group in ours.groups)
    return [
        _group(
            (_family(group.slice), group.name.capitalize()),
            group.result,
            beside[group.slice, group.name],
            k,
            rival.name,
        )
        for group in ours.groups
        if group.slice not in IN_TABLES_ONLY and sizes[group.slice] > 1 and (group.slice, group.name) in beside
    ]


def _family(slice_name: str) -> str:
    return FAMILIES.get(slice_name, f"By {slice_name}")


def _group(words: tuple[str, str], ours: Result, rival: Result, k: int, name: str) -> GroupStory:
    """words: of the family and of the group; name: of the rival."""
    return GroupStory(*words, _things(ours, k), _things(rival, k), _lead(ours.against[name]))


def _spans_of_time(ours: ListSummary, rival: ListSummary, found: Evaluation) -> list[GroupStory]:
    """Each window as a group of its own, the latest first; none where there is only one."""
    if len(found.windows) < 2:
        return []
    rows = zip(found.windows, ours.windows, rival.windows, strict=True)
    return [
        _group((SPANS_OF_TIME, f"From {date(window.cut)}"), mine, theirs, found.k, rival.name)
        for window, mine, theirs in rows
    ]


def _windows(ours: ListSummary, rival: str, found: Evaluation) -> dict[str, PairedDifference]:
    rows = zip(found.windows, ours.windows, strict=True)
    return {date(window.cut): _lead(result.against[rival]) for window, result in rows}


def _repeat_share(windows: Sequence[WindowFacts]) -> float:
    total = sum(window.n_held_back for window in windows)
    return sum(window.repeat_share * window.n_held_back for window in windows) / total if total else math.nan


def _facts(found: Evaluation) -> dict[str, str]:
    return {
        **{
            f"Window {at}": f"{date(window.cut)} to {date(window.until)}: {window.n_customers:,} customers with "
            f"{window.n_held_back:,} different purchases; learnt from everything before"
            for at, window in enumerate(found.windows, start=1)
        },
        "The lists": f"{found.k} long; any of {found.windows[0].n_items:,} products on sale could stand in them",
        "The personal list": "the placement “home”, as the shop would have served it at the start of each window",
        "Seed of chance": str(found.settings["seed"]),
    }


def _exclusions(window: WindowFacts) -> list[Exclusion]:
    return [
        Exclusion(reason, f"in the window from {date(window.cut)}", count, 0)
        for reason, count in window.left_out.items()
        if count
    ]


def _settings(found: Evaluation) -> dict[str, Mapping[str, object]]:
    blends = {f"mix of models, window from {date(window.cut)}": window.blend for window in found.windows}
    return {"evaluation": found.settings, **blends}
