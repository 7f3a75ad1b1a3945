"""The story of an evaluation on two given files."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from eval.files.baselines import BEST_SELLERS
from eval.files.loader import doubles_told
from eval.files.model_args import AUTO
from eval.files.run import FileEvaluation
from eval.files.scoring import Entry
from eval.files.segments import GROUPS_FROM, is_later, parted
from eval.files.table import DOUBLES_COUNT, as_data
from eval.metrics.accuracy import HeldBack, match, mean
from eval.metrics.beyond_accuracy import shown_times
from eval.report.builders.files_tables import figures_of, tables_of
from eval.report.builders.provenance import STRANGE, exclusions_of, file_told, run_id
from eval.report.formatting import span_of_days
from eval.report.labels import title_of
from eval.report.story import (
    GroupStory,
    PairedDifference,
    Role,
    ShelfStory,
    Span,
    Story,
    StoryEntry,
    Wording,
)
from eval.stats.intervals import intervals
from eval.stats.paired import Comparison, compare, holm
from recsys.arrays import Bools, Doubles, Longs

KEENEST = 0.05
THINGS = ("product", "movie", "book", "song", "track", "article", "game")  # as the item column may call them


def story_of(found: FileEvaluation, now: datetime) -> Story:
    """Everything the page tells.  Lists are spoken of at length 10 where that was judged, else at the shortest."""
    k = found.terms.k
    scores = {entry.name: _found(found, entry.name, k) for entry in found.entries}
    ours = _ours(found.entries, scores)
    simple = max(_named(found.entries, "baseline"), key=lambda name: scores[name].mean())
    groups, n_hidden = _groups(found, scores[ours], scores[BEST_SELLERS])
    figures, data = figures_of(found), as_data(found)
    return Story(
        title="Which list is better?",
        wording=_wording(found),
        k=k,
        judged=_judged(found, scores, ours, k),
        ours=ours,
        rival=BEST_SELLERS,
        simple=simple,
        n_customers=found.n_customers,
        groups=groups,
        n_groups_hidden=n_hidden,
        facts=_facts(found, k, ours),
        exclusions=exclusions_of(found.train, found.test),
        warnings=_warnings(found),
        tables=tables_of(found),
        figures=figures,
        settings={entry.name: entry.settings for entry in found.entries if entry.settings},
        data=data,
        run_id=run_id(data),
        made_at=f"{now:%Y-%m-%d %H:%M}",
        repeat_share=None if found.terms.is_hiding else float(np.mean(~found.panel.is_new)),
        is_picked=ours != AUTO,
        keenest_left_out=_without_the_keenest(scores[ours] - scores[BEST_SELLERS], found.terms.seed),
    )


def _wording(found: FileEvaluation) -> Wording:
    """Speaks of products that were bought where the columns do."""
    columns = found.test.columns
    thing = next((thing for thing in THINGS if thing in columns["item"].lower()), "item")
    taken = ("taken", "took") if "order_id" not in columns and thing != "product" else ("bought", "bought")
    if found.test.weight_means == "ratings":
        taken = ("rated", "rated")
    return Wording(f"{thing}s", *taken, _when(found))


def _when(found: FileEvaluation) -> str:
    first, last = found.test.first_day, found.test.last_day
    if first is None or last is None or not is_later(found.train, found.test):
        return "afterwards"
    return span_of_days(float((np.datetime64(last) - np.datetime64(first)).astype(np.int64) + 1))


def _ours(entries: Sequence[Entry], scores: Mapping[str, Doubles]) -> str:
    """What would be served; where nobody asked for that, the model that found most."""
    if any(entry.kind == "auto" for entry in entries):
        return AUTO
    return max(_named(entries, "model"), key=lambda name: scores[name].mean())


def _named(entries: Sequence[Entry], kind: str) -> list[str]:
    return [entry.name for entry in entries if entry.kind == kind]


def _found(found: FileEvaluation, name: str, k: int, only: Bools | None = None) -> Doubles:
    """Held-back things among the first k of each list: (Q,).  only (T,): those that count."""
    held_back: HeldBack = found.panel.held_back if only is None else found.panel.held_back.only(only)
    hits: Doubles = match(found.lists[name].lists, held_back).hit[:, :k].sum(axis=1).astype(np.float64)
    return hits


def _judged(found: FileEvaluation, scores: Mapping[str, Doubles], ours: str, k: int) -> list[StoryEntry]:
    spans = _spans([*scores.values()], found.terms.seed)
    apart: Sequence[tuple[Span | None, Span | None]] = [(None, None)] * len(scores)
    if not found.terms.is_hiding:
        again, first = (
            _spans([_found(found, name, k, only) for name in scores], found.terms.seed)
            for only in (~found.panel.is_new, found.panel.is_new)
        )
        apart = list(zip(again, first, strict=True))
    return [
        StoryEntry(
            name=entry.name,
            title=_title(entry, ours),
            role=_role(entry, ours),
            found=span,
            again=parts[0],
            first=parts[1],
            reached=Span(*_ends(entry.metrics[f"hit@{k}"])),
            shelf=_shelf(found, entry.name, k),
            leads=_leads(entry, scores, ours, found),
        )
        for entry, span, parts in zip(found.entries, spans, apart, strict=True)
    ]


def _ends(estimate: Any) -> tuple[float, float, float]:
    return estimate.mean, estimate.low, estimate.high


def _role(entry: Entry, ours: str) -> Role:
    return "ours" if entry.name == ours else "baseline" if entry.kind == "baseline" else "model"


def _title(entry: Entry, ours: str) -> str:
    return f"Personal list ({entry.name})" if entry.name == ours else title_of(entry.name)


def _spans(columns: Sequence[Doubles], seed: int) -> list[Span]:
    ends = intervals(np.column_stack(columns), np.random.default_rng(seed))
    return [Span(mean(values), float(low), float(high)) for values, (low, high) in zip(columns, ends, strict=True)]


def _leads(
    entry: Entry, scores: Mapping[str, Doubles], ours: str, found: FileEvaluation
) -> dict[str, PairedDifference]:
    """Over the best-sellers for every model, over every baseline for ours."""
    if entry.kind == "baseline":
        return {}
    over = _named(found.entries, "baseline") if entry.name == ours else [BEST_SELLERS]
    return dict(
        zip(over, _all_leads([scores[entry.name] - scores[name] for name in over], found.terms.seed), strict=True)
    )


def _all_leads(differences: Sequence[Doubles], seed: int) -> list[PairedDifference]:
    """One for each, (Q,) customers each; none is believed because many were looked at."""
    found = [compare(one, np.zeros(len(one)), rng=np.random.default_rng(seed)) for one in differences]
    chances = holm([told.p for told in found])
    return [_lead(replace(told, p_holm=chance)) for told, chance in zip(found, chances, strict=True)]


def _lead(told: Comparison) -> PairedDifference:
    return PairedDifference(Span(told.difference, told.low, told.high), told.verdict, told.n_customers)


def _without_the_keenest(differences: Doubles, seed: int) -> PairedDifference | None:
    """The lead without the twentieth of the customers with the largest differences; None below 20 customers."""
    n = len(differences)
    if n < GROUPS_FROM:
        return None
    return _all_leads([np.sort(differences)[: n - int(np.ceil(KEENEST * n))]], seed)[0]


def _groups(found: FileEvaluation, ours: Doubles, rival: Doubles) -> tuple[list[GroupStory], int]:
    """The groups that are large enough to be shown, and how many are not."""
    groups = [
        group for group in parted(found.panel, is_parted_by_time=is_later(found.train, found.test)) if group[2].any()
    ]
    shown = [group for group in groups if np.count_nonzero(group[2]) >= GROUPS_FROM]
    leads = _all_leads([(ours - rival)[members] for _, _, members in shown], found.terms.seed)
    told = []
    for (family, title, members), lead in zip(shown, leads, strict=True):
        mine, theirs = _spans([ours[members], rival[members]], found.terms.seed)
        told.append(GroupStory(family, title, mine, theirs, lead))
    return told, len(groups) - len(shown)


def _shelf(found: FileEvaluation, name: str, k: int) -> ShelfStory:
    times: Longs = shown_times(found.lists[name].lists, k, found.n_items)
    ordered = np.cumsum(np.sort(times)[::-1])
    n_half = int(np.searchsorted(ordered, ordered[-1] / 2) + 1) if times.any() else None
    return ShelfStory(int(np.count_nonzero(times)), found.n_items, n_half)


def _facts(found: FileEvaluation, k: int, ours: str) -> dict[str, str]:
    hidden = "without what each customer had already" if found.terms.is_hiding else "with what each customer had too"
    return {
        "Learnt from": file_told(found.train),
        "Judged by": file_told(found.test),
        "Customers judged": f"{found.n_customers:,}, of whom {found.n_strangers:,} were new to the shop",
        "The lists": f"{k} long, {hidden}; any of {found.n_items:,} items could stand in them",
        "The personal list": ours,
        "Seed of chance": str(found.terms.seed),
    }


def _warnings(found: FileEvaluation) -> list[str]:
    told = []
    if found.n_strangers > STRANGE * found.n_customers:
        told.append(
            f"{found.n_strangers:,} of {found.n_customers:,} customers were unknown before: their lists are those of "
            "a stranger, and pull all figures down."
        )
    if found.n_unknown_items:
        told.append(
            f"{found.n_unknown_items:,} of {found.n_held_back:,} things taken were unknown before: no list could show "
            "them, and they count as missed."
        )
    told += doubles_told(replace(found.train, path=Path(found.train.path).name), DOUBLES_COUNT)
    if found.train.first_day is not None and not is_later(found.train, found.test):
        told.append("The two files overlap in time: lists may have been helped by what happened later.")
    return told
