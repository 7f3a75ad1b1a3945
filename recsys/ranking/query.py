"""The question and the answer: what serving, evaluation and the command line pass through the one door."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from recsys.data.answer_log.recent_lists import RecentList
from recsys.data.entities import Attribute
from recsys.data.events import Event
from recsys.fast_dataclass import fast_frozen
from recsys.ranking.filters.spec import NO_FILTERS, Filters

Fallback = Literal["personal", "session", "segment", "popular"]


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What the storefront wants of the order of the list; an ask without wishes has none.

    max_per: most items with the same value, by attribute.  min_score: what each item must score at least; then the
    ladder fills nothing.  diversity: 0 leaves the list as it is, 1 looks only for what is unlike the rest.
    seed: explores, the same seed the same way.  rotate: what was shown lately sinks; shown: the customer's latest
    events, also those of before the bundle was made; answers: what the service itself showed them.
    """

    max_per: Mapping[str, int] = field(default_factory=dict)
    min_score: float | None = None
    diversity: float = 0.0
    seed: int | None = None
    rotate: bool = False
    shown: Sequence[Event] = ()
    answers: Sequence[RecentList] = ()


@fast_frozen
@dataclass(frozen=True, slots=True)
class Query:
    """One question.  Ids may be unknown: they are ignored, never an error.

    recent: the customer's events after the bundle was made, oldest first.  session: events of an anonymous visitor,
    oldest first.  context: items looked at or in the basket; they are never recommended back.
    attributes: what the shop knows of the customer; asked only of those without a history.
    shape: wishes for the order of the list, None where there are none.
    fills: False for only what the sources of the placement find, as where `fills = false` stands in its settings.
    explain: tells with each item how it came to its place.
    """

    now_ms: int
    placement: str = "home"
    k: int = 10
    user_id: str | None = None
    recent: Sequence[Event] = ()
    session: Sequence[Event] = ()
    context: Sequence[str] = ()
    exclude: Sequence[str] = ()
    filters: Filters = NO_FILTERS
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    shape: ListOptions | None = None
    fills: bool = True
    explain: bool = False


class Reason(NamedTuple):
    """Why an item stands in the list: a stable code, a sentence, and the items it follows from."""

    code: str
    text: str
    because: tuple[str, ...] = ()


class SourceScore(NamedTuple):
    """What one source thinks of an item: number `rank` of it.

    weight: of a model in the blend `discover/…`.  chance: of a purchase, where the placement mixes by it.
    """

    source: str
    rank: int
    score: float
    weight: float | None = None
    chance: float | None = None


class RuleNote(NamedTuple):
    """A rule in force that speaks of an item."""

    id: str
    kind: str
    reason: str


class Explanation(NamedTuple):
    """How an item came to its place.  own_place: without rules and wishes, None for far below."""

    text: str
    own_place: int | None
    sources: tuple[SourceScore, ...]
    rules: tuple[RuleNote, ...]


class Recommendation(NamedTuple):
    """One place of the list; rank counts from 1.  Scores compare within one source of one answer only.

    expected_rating: what the customer would rate it, where the shop has ratings.  probability: with which exploration
    chose it for this place, when it was explored.  explanation: where the question asks for it.
    """

    item_id: str
    name: str | None
    score: float
    rank: int
    reason: Reason
    source: str
    expected_rating: float | None = None
    probability: float | None = None
    explanation: Explanation | None = None


@fast_frozen
@dataclass(frozen=True, slots=True)
class RecommendationList:
    """The list, `len(items) == min(k, eligible items)`, and how it came about."""

    items: tuple[Recommendation, ...]
    placement: str
    model_version: str
    fallback: Fallback


@dataclass(frozen=True, slots=True)
class Row:
    """One list of several, under its title.  because: the items it follows from."""

    title: str
    placement: str
    because: tuple[str, ...]
    items: tuple[Recommendation, ...]
    fallback: Fallback


@dataclass(frozen=True, slots=True)
class Rows:
    """Several lists in which no item stands twice.  fallback: of the row that is most of the customer's own."""

    rows: tuple[Row, ...]
    placement: str
    model_version: str
    fallback: Fallback


def as_data(answer: RecommendationList | Rows) -> dict[str, Any]:
    """The answer as JSON types, as storefronts get it."""
    if isinstance(answer, Rows):
        return {
            "rows": [_row_told(row) for row in answer.rows],
            "placement": answer.placement,
            "model_version": answer.model_version,
            "fallback": answer.fallback,
        }
    return {
        "items": [_told(item) for item in answer.items],
        "placement": answer.placement,
        "model_version": answer.model_version,
        "fallback": answer.fallback,
    }


def _row_told(row: Row) -> dict[str, Any]:
    return {
        "title": row.title,
        "placement": row.placement,
        "because": row.because,
        "items": [_told(item) for item in row.items],
        "fallback": row.fallback,
    }


def _told(item: Recommendation) -> dict[str, Any]:
    reason, rating = item.reason, item.expected_rating
    told = {
        "item_id": item.item_id,
        "name": item.name,
        "score": item.score,
        "rank": item.rank,
        "reason": {"code": reason.code, "text": reason.text, "because": reason.because},
        "source": item.source,
    }
    if rating is not None:
        told["expected_rating"] = rating
    if item.probability is not None:
        told["probability"] = item.probability
    if item.explanation is not None:
        told["explanation"] = _explanation_told(item.explanation)
    return told


def _explanation_told(explained: Explanation) -> dict[str, Any]:
    return {
        "text": explained.text,
        "own_place": explained.own_place,
        "sources": [voice._asdict() for voice in explained.sources],
        "rules": [note._asdict() for note in explained.rules],
    }
