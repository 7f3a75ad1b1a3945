"""Predictions of one customer for the card: value, chance to leave and needs, each with its date or why it is blank."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from recsys.arrays import Bools
from recsys.customers.prediction.churn import CHURN_HORIZONS, METHODS_OF_CHURN
from recsys.customers.prediction.needs import NEED_HORIZONS, NeedPairs, NeedsModel, need_pairs
from recsys.customers.prediction.scored import NO_ORDER, NOT_LEARNT, UNKNOWN, CustomerScores
from recsys.customers.prediction.value import CLASSES, VALUE_DAYS
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.dataset.histories import Histories
from recsys.data.events import Event
from recsys.data.ids import MISSING
from recsys.engine.engine import Engine
from recsys.models.buy_again import BuyAgainModel
from recsys.ranking.context.context import with_recent_events

N_NEEDS = 5
SINCE_RELEASE = "the customer came after this release; the next training learns it"
NO_CATEGORY_NEEDS = "no category that they bought on two days or more, lately within half a year"
NO_NEEDS = "nothing in stock that they bought on two days or more within half a year"

Part = dict[str, Any] | None


def customer_predictions(
    engine: Engine, catalogue: Catalogue, user: int, events: Sequence[Event]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The parts value, churn and needs, None where blank, and why.  events: since the release, oldest first."""
    scores, reasons = engine.customer_scores, dict[str, str]()
    history = with_recent_events(engine.history_at(user), events, engine, catalogue)
    value, churn = _value(scores, user, reasons), _churn(engine, user, reasons)
    needs = {
        "needs": _needs(engine, catalogue, history, reasons),
        "category_needs": _category_needs(engine, catalogue, history, reasons),
    }
    return {"value": value, "churn": churn, **needs}, reasons


def _value(scores: CustomerScores, user: int, reasons: dict[str, str]) -> Part:
    if not len(scores) or user == MISSING or np.isnan(scores.value[user]):
        reasons["value"] = _why_blank(scores, user, scores.value_method_name() is None)
        return None
    return {
        "amount": _number(scores.value[user]),
        "low": _number(scores.value_low[user]),
        "high": _number(scores.value_high[user]),
        "margin": _number(scores.value_margin[user]),
        "horizon_days": VALUE_DAYS,
        "method": scores.value_method_name(),
        "class": _class(int(scores.value_class[user])),
        "class_before": _class(int(scores.value_class_before[user])),
        "as_of": scores.as_of_ms,
    }


def _why_blank(scores: CustomerScores, user: int, is_unlearnt: bool) -> str:
    if not len(scores) or (user != MISSING and is_unlearnt):
        return NOT_LEARNT
    return SINCE_RELEASE if user == MISSING else NO_ORDER


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def _class(number: int) -> str | None:
    return None if number == UNKNOWN else CLASSES[number]


def _churn(engine: Engine, user: int, reasons: dict[str, str]) -> Part:
    """The chance of no order within each of CHURN_HORIZONS, with its strongest reasons."""
    scores = engine.customer_scores
    if not len(scores) or user == MISSING:
        reasons["churn"] = _why_blank(scores, user, is_unlearnt=True)
        return None
    parts: dict[str, Any] = {"as_of": scores.as_of_ms}
    gap_days = float(engine.customers.gap_days[user])
    for at, (days, chances) in enumerate(
        zip(CHURN_HORIZONS, (scores.churn_28, scores.churn_56, scores.churn_91), strict=True)
    ):
        chance, name = _number(chances[user]), f"within_{days}_days"
        parts[name] = {
            "chance": chance,
            "reasons": scores.churn_reasons(user, days, gap_days) if chance is not None else [],
            "method": METHODS_OF_CHURN[scores.churn_method[at]],
        }
        if chance is None:
            reasons[f"churn.{name}"] = scores.why_no_churn(user, days) or NOT_LEARNT
    return parts


def _needs(
    engine: Engine, catalogue: Catalogue, history: Histories, reasons: dict[str, str]
) -> list[dict[str, Any]] | None:
    """The items in stock that they will most likely buy again, by the chance within the middle horizon."""
    buy_again = engine.models.get(BuyAgainModel.name)
    if engine.needs is None or not isinstance(buy_again, BuyAgainModel):
        reasons["needs"] = NOT_LEARNT
        return None
    rows = [
        {"item_id": catalogue.item_id(item), "name": catalogue.name(item), **chances}
        for item, chances in _likeliest(engine.needs, need_pairs(buy_again, history), catalogue.sellable)
    ]
    if not rows:
        reasons["needs"] = NO_NEEDS
    return rows or None


def _category_needs(
    engine: Engine, catalogue: Catalogue, history: Histories, reasons: dict[str, str]
) -> list[dict[str, Any]] | None:
    """The same of categories."""
    if engine.category_needs is None:
        reasons["category_needs"] = NOT_LEARNT
        return None
    pairs, words = engine.category_needs.pairs(history, catalogue.category.codes), catalogue.category.words
    every = np.ones(len(words), bool)
    likeliest = _likeliest(engine.category_needs.chances, pairs, every)
    rows = [{"category": words[code], **chances} for code, chances in likeliest]
    if not rows:
        reasons["category_needs"] = NO_CATEGORY_NEEDS
    return rows or None


def _likeliest(model: NeedsModel, pairs: NeedPairs, is_offered: Bools) -> Iterator[tuple[int, dict[str, Any]]]:
    """Items or categories with their chances and how these are worked out, the likeliest first."""
    chances = np.array([model.chance(pairs, days) for days in NEED_HORIZONS]).reshape(len(NEED_HORIZONS), -1)
    order = np.lexsort((pairs.item, -chances[1]))
    for row in order[is_offered[pairs.item[order]]][:N_NEEDS].tolist():
        by_horizon = {f"within_{days}_days": _number(chances[at, row]) for at, days in enumerate(NEED_HORIZONS)}
        yield int(pairs.item[row]), {**by_horizon, "method": model.method(NEED_HORIZONS[1])}
