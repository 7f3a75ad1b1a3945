"""Report builder for an evaluation on two given files."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np

from eval.files.model_args import AUTO
from eval.files.results import Entry, FileEvaluation, own_list
from eval.files.table import as_data, double_notes
from eval.files.users import file_segments, is_later
from eval.metrics.accuracy import match
from eval.metrics.beyond_accuracy import shown_times
from eval.metrics.held_back import HeldBack
from eval.protocol import BEST_SELLERS
from eval.report.builders.files_tables import figures_of, tables_of
from eval.report.builders.provenance import MANY_NEW, exclusions_of, file_summary, run_id
from eval.report.formatting import span_of_days
from eval.report.labels import role_of, title_of
from eval.report.ranking_report import (
    Coverage,
    PairedDifference,
    RankingReport,
    ReportedGroup,
    ReportedList,
    Wording,
)
from eval.stats.bootstrap import MIN_RESAMPLES, Estimate, ResampledColumn, StreamedDraws, spreads
from eval.stats.paired import Comparison, compare, holm
from recsys.arrays import Bools, Doubles, Longs
from recsys.customers.population import MIN_GROUP

KEENEST = 0.05
NOUNS = ("product", "movie", "book", "song", "track", "article", "game")  # that may stand in the item column's name


def build_report(evaluation: FileEvaluation, now: datetime) -> RankingReport:
    """The whole report.  It speaks of lists of length 10 where they were evaluated, else of the shortest."""
    k = evaluation.terms.k
    hits = {entry.name: _hits(evaluation, entry.name, k) for entry in evaluation.entries}
    ours = own_list(evaluation.entries, k)
    groups, n_hidden = _groups(evaluation, hits[ours], hits[BEST_SELLERS])
    data = as_data(evaluation)
    return RankingReport(
        title="Which list is better?",
        wording=_wording(evaluation),
        k=k,
        lists=_lists(evaluation, hits, ours, k),
        ours=ours,
        rival=BEST_SELLERS,
        best_baseline=max(_names(evaluation.entries, "baseline"), key=lambda name: hits[name].mean()),
        n_customers=evaluation.n_customers,
        groups=groups,
        n_groups_hidden=n_hidden,
        facts=_facts(evaluation, k, ours),
        exclusions=exclusions_of(evaluation.train, evaluation.test),
        warnings=_warnings(evaluation),
        tables=tables_of(evaluation),
        figures=figures_of(evaluation),
        settings={entry.name: entry.settings for entry in evaluation.entries if entry.settings},
        data=data,
        run_id=run_id(data),
        made_at=f"{now:%Y-%m-%d %H:%M}",
        repeat_share=None if evaluation.terms.is_hiding else float(np.mean(~evaluation.users.is_new)),
        is_picked=ours != AUTO,
        samples=evaluation.samples,
        without_keenest=_without_keenest(hits[ours] - hits[BEST_SELLERS], evaluation.terms.seed),
    )


def _wording(evaluation: FileEvaluation) -> Wording:
    """Products that were bought, unless the columns say otherwise."""
    columns = evaluation.test.columns
    noun = next((noun for noun in NOUNS if noun in columns["item"].lower()), "item")
    verbs = ("taken", "took") if "order_id" not in columns and noun != "product" else ("bought", "bought")
    if evaluation.test.weight_means == "ratings":
        verbs = ("rated", "rated")
    return Wording(f"{noun}s", *verbs, _period(evaluation))


def _period(evaluation: FileEvaluation) -> str:
    first, last = evaluation.test.first_day, evaluation.test.last_day
    if first is None or last is None or not is_later(evaluation.train, evaluation.test):
        return "afterwards"
    return span_of_days(float((np.datetime64(last) - np.datetime64(first)).astype(np.int64) + 1))


def _names(entries: Sequence[Entry], kind: str) -> list[str]:
    return [entry.name for entry in entries if entry.kind == kind]


def _hits(evaluation: FileEvaluation, name: str, k: int, only: Bools | None = None) -> Doubles:
    """Held-back items among the first k of each list: (Q,).  only (T,): those that count."""
    held_back: HeldBack = evaluation.users.held_back if only is None else evaluation.users.held_back.only(only)
    hits: Doubles = match(evaluation.lists[name].lists, held_back).hit[:, :k].sum(axis=1).astype(np.float64)
    return hits


def _lists(evaluation: FileEvaluation, hits: Mapping[str, Doubles], ours: str, k: int) -> list[ReportedList]:
    seed, is_new = evaluation.terms.seed, evaluation.users.is_new
    estimates = _estimates([*hits.values()], seed)
    repeat_and_new: Sequence[tuple[Estimate | None, Estimate | None]] = [(None, None)] * len(hits)
    if not evaluation.terms.is_hiding:
        repeat, new = (
            _estimates([_hits(evaluation, name, k, only) for name in hits], seed) for only in (~is_new, is_new)
        )
        repeat_and_new = list(zip(repeat, new, strict=True))
    return [
        ReportedList(
            name=entry.name,
            title=_title(entry, ours),
            role=role_of(entry.name, entry.kind, ours),
            hits=estimate,
            repeat_hits=parts[0],
            new_hits=parts[1],
            hit_rate=entry.metrics[f"hit@{k}"],
            coverage=_coverage(evaluation, entry.name, k),
            leads=_leads(entry, hits, ours, evaluation),
        )
        for entry, estimate, parts in zip(evaluation.entries, estimates, repeat_and_new, strict=True)
    ]


def _title(entry: Entry, ours: str) -> str:
    return f"Personal list ({entry.name})" if entry.name == ours else title_of(entry.name)


def _estimates(columns: Sequence[Doubles], seed: int) -> list[Estimate]:
    resampled = [ResampledColumn.from_scores(values) for values in columns]
    return [spread.estimate for spread in spreads(resampled, StreamedDraws(seed, MIN_RESAMPLES))]


def _leads(
    entry: Entry, hits: Mapping[str, Doubles], ours: str, evaluation: FileEvaluation
) -> dict[str, PairedDifference]:
    """Over the best-sellers for every model, over every baseline for ours."""
    if entry.kind == "baseline":
        return {}
    rivals = _names(evaluation.entries, "baseline") if entry.name == ours else [BEST_SELLERS]
    leads = _paired_differences([hits[entry.name] - hits[name] for name in rivals], evaluation.terms.seed)
    return dict(zip(rivals, leads, strict=True))


def _paired_differences(differences: Sequence[Doubles], seed: int) -> list[PairedDifference]:
    """One for each, (Q,) customers each, with verdicts that hold among all of them (Holm 1979)."""
    results = [compare(values, np.zeros(len(values)), rng=np.random.default_rng(seed)) for values in differences]
    adjusted = holm([result.p for result in results])
    return [_lead(replace(result, p_holm=p)) for result, p in zip(results, adjusted, strict=True)]


def _lead(result: Comparison) -> PairedDifference:
    return PairedDifference(Estimate(result.difference, result.low, result.high), result.verdict, result.n_customers)


def _without_keenest(differences: Doubles, seed: int) -> PairedDifference | None:
    """The lead without the twentieth of the customers with the largest differences; None below 20 customers."""
    n = len(differences)
    if n < MIN_GROUP:
        return None
    return _paired_differences([np.sort(differences)[: n - int(np.ceil(KEENEST * n))]], seed)[0]


def _groups(evaluation: FileEvaluation, ours: Doubles, rival: Doubles) -> tuple[list[ReportedGroup], int]:
    """The groups that are large enough to be shown, and the number of those that are not."""
    seed = evaluation.terms.seed
    segments, n_hidden = file_segments(evaluation.users, evaluation.train, evaluation.test)
    leads = _paired_differences([(ours - rival)[segment.members] for segment in segments], seed)
    reported = []
    for segment, lead in zip(segments, leads, strict=True):
        mine, theirs = _estimates([ours[segment.members], rival[segment.members]], seed)
        reported.append(ReportedGroup(segment.family, segment.title, mine, theirs, lead))
    return reported, n_hidden


def _coverage(evaluation: FileEvaluation, name: str, k: int) -> Coverage:
    times: Longs = shown_times(evaluation.lists[name].lists, k, evaluation.n_items)
    cumulative = np.cumsum(np.sort(times)[::-1])
    n_half = int(np.searchsorted(cumulative, cumulative[-1] / 2) + 1) if times.any() else None
    return Coverage(int(np.count_nonzero(times)), evaluation.n_items, n_half)


def _facts(evaluation: FileEvaluation, k: int, ours: str) -> dict[str, str]:
    is_hiding, n_new = evaluation.terms.is_hiding, evaluation.n_strangers
    hidden = "without what each customer had already" if is_hiding else "with what each customer had too"
    return {
        "Learnt from": file_summary(evaluation.train),
        "Judged by": file_summary(evaluation.test),
        "Customers judged": f"{evaluation.n_customers:,}, of whom {n_new:,} were new to the shop",
        "The lists": f"{k} long, {hidden}; chosen from {evaluation.n_items:,} items",
        "The personal list": ours,
        "Random seed": str(evaluation.terms.seed),
    }


def _warnings(evaluation: FileEvaluation) -> list[str]:
    warnings = []
    if evaluation.n_strangers > MANY_NEW * evaluation.n_customers:
        warnings.append(
            f"{evaluation.n_strangers:,} of {evaluation.n_customers:,} customers were unknown before: their lists are "
            "those of a stranger, and pull all figures down."
        )
    if evaluation.n_unknown_items:
        warnings.append(
            f"{evaluation.n_unknown_items:,} of {evaluation.n_held_back:,} things taken were unknown before: no list "
            "could show them, and they count as missed."
        )
    warnings += double_notes(replace(evaluation.train, path=Path(evaluation.train.path).name))
    if evaluation.train.first_day is not None and not is_later(evaluation.train, evaluation.test):
        warnings.append("The two files overlap in time: lists may have been helped by what happened later.")
    return warnings
