"""Scoring of predicted ratings: RMSE and MAE with bootstrap intervals over customers, and paired gains in RMSE."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.protocol import BASELINE
from eval.ratings.results import RatingEntry, RmseGain
from eval.ratings.truth import Truth
from eval.scoring.scorer import EntryKind
from eval.stats.bootstrap import MIN_RESAMPLES, ResampledColumn, Spread, StreamedDraws, spreads, summarize
from eval.stats.paired import holm
from recsys.arrays import Bools, Doubles, Floats


@dataclass(frozen=True, slots=True)
class RatingPredictions:
    """The predictions of one model for every rating, (N,), and the seconds it took."""

    values: Floats
    kind: EntryKind
    settings: Mapping[str, Any]
    fit_seconds: float
    answer_seconds: float


def score_predictions(predictions: Mapping[str, RatingPredictions], truth: Truth, seed: int) -> list[RatingEntry]:
    """An entry for every model, in their order; all are compared with the baseline and with `auto`."""
    names = list(predictions)
    errors = np.column_stack([predictions[name].values - truth.value for name in names])
    total = _by_customer(np.hstack((errors**2, np.abs(errors))), truth)
    counts = np.broadcast_to(np.bincount(truth.user).astype(np.float64)[:, None], total.shape)
    _, drawn = StreamedDraws(seed, MIN_RESAMPLES).means(total, counts)
    means, drawn_rmse = np.sqrt(np.mean(errors**2, axis=0)), np.sqrt(drawn[:, : len(names)])
    n = truth.n_customers
    rmse = summarize(means, drawn_rmse, n)
    mae = summarize(np.mean(np.abs(errors), axis=0), drawn[:, len(names) :], n)
    compared_with = [BASELINE, *(name for name, each in predictions.items() if each.kind == "auto")]
    gains = {}
    for base in compared_with:
        champion = names.index(base)
        columns = [at for at in range(len(names)) if at != champion]
        differences = means[champion] - means[columns], drawn_rmse[:, [champion]] - drawn_rmse[:, columns]
        gains[base] = dict(zip([names[at] for at in columns], _gains(summarize(*differences, n)), strict=True))
    return [
        RatingEntry(
            name=name,
            kind=predictions[name].kind,
            settings=predictions[name].settings,
            fit_seconds=round(predictions[name].fit_seconds, 4),
            answer_seconds=round(predictions[name].answer_seconds, 4),
            rmse=rmse[at].estimate,
            mae=mae[at].estimate,
            against={base: by_name[name] for base, by_name in gains.items() if name in by_name},
        )
        for at, name in enumerate(names)
    ]


def error_spreads(columns: Sequence[Doubles], truth: Truth, seed: int, members: Bools | None = None) -> list[Spread]:
    """The spread of the mean of each column, (N,) each, over the ratings that are members (default: all).

    Customers are drawn, each with all of those ratings; only customers with a member are drawn.
    """
    is_member = members if members is not None else np.ones(len(truth.user), np.bool_)
    _, user = np.unique(truth.user[is_member], return_inverse=True)
    counts = np.bincount(user).astype(np.float64)
    totals = (np.bincount(user, column[is_member]).astype(np.float64) for column in columns)
    return spreads([ResampledColumn(total, counts) for total in totals], StreamedDraws(seed, MIN_RESAMPLES))


def _by_customer(values: Doubles, truth: Truth) -> Doubles:
    """Sums by customer: (N, M) -> (Q, M)."""
    return np.column_stack([np.bincount(truth.user, column) for column in values.T])


def _gains(differences: Sequence[Spread]) -> list[RmseGain]:
    adjusted = holm([spread.p for spread in differences])
    return [
        RmseGain(spread.mean, spread.low, spread.high, spread.p, p_holm, spread.n_customers)
        for spread, p_holm in zip(differences, adjusted, strict=True)
    ]
