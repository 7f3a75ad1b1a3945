"""Query and recommendation list: the input and output that serving, evaluation and the command line share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from recsys.data.answer_log.recent_lists import RecentList
from recsys.data.entities import Attribute
from recsys.data.events import Event
from recsys.fast_dataclass import fast_frozen
from recsys.ranking.filters.spec import NO_FILTERS, Filters

Fallback = Literal["personal", "session", "segment", "popular"]
AttributesEffect = Literal["used", "no_effect", "unknown"]


@dataclass(frozen=True, slots=True)
class ListOptions:
    """Options for the order of the list, as the storefront sends them.

    max_per: by attribute, the most items that may share one value.  min_score: the lowest score an item may have; with
    it, no fallback level fills the list.  diversity: 0 leaves the list as it is, 1 only avoids similar items.
    seed: turns exploration on; the same seed gives the same order.  rotate: recently shown items move down.
    shown: the customer's latest events, also those from before the bundle.  answers: the lists that the service sent
    to this customer.
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
    """One request for a list.  Unknown ids are ignored, never an error.

    recent: the customer's events since the bundle was made, oldest first.  session: events of an anonymous visitor,
    oldest first.  context_item_ids: items on the page or in the basket; the list never holds them.
    attributes: what the shop knows about the customer; read only for a customer without a history.
    options: None when the storefront sent none.
    fills: False for only what the placement's sources find, as with `fills = false` in its settings.
    explain: True adds to each item how it got its place.
    """

    now_ms: int
    placement: str = "home"
    k: int = 10
    user_id: str | None = None
    recent: Sequence[Event] = ()
    session: Sequence[Event] = ()
    context_item_ids: Sequence[str] = ()
    exclude: Sequence[str] = ()
    filters: Filters = NO_FILTERS
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    options: ListOptions | None = None
    fills: bool = True
    explain: bool = False


class Reason(NamedTuple):
    """The reason for an item in the list: a stable code, a sentence, and the items it follows from."""

    code: str
    text: str
    because: tuple[str, ...] = ()


class SourceScore(NamedTuple):
    """Rank and score of an item in one source.

    weight: of a model in the blend `discover/…`.  chance: purchase probability, where the placement mixes by it.
    """

    source: str
    rank: int
    score: float
    weight: float | None = None
    chance: float | None = None


class RuleNote(NamedTuple):
    """An active rule that targets an item."""

    id: str
    kind: str
    reason: str


class Explanation(NamedTuple):
    """How an item got its place.  own_place: its place without rules and options, None for one far below."""

    text: str
    own_place: int | None
    sources: tuple[SourceScore, ...]
    rules: tuple[RuleNote, ...]


class Recommendation(NamedTuple):
    """One item of the list; rank counts from 1.  Scores are comparable only within one source of one list.

    expected_rating: the predicted rating, where the shop has ratings.  probability: the probability with which
    exploration chose this item for this place.  explanation: only when the query asks for it.  fields: see `item_face`.
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
    fields: Mapping[str, Any] | None = None


@fast_frozen
@dataclass(frozen=True, slots=True)
class RecommendationList:
    """The list, `len(items) == min(k, eligible items)`, with its placement, model version and fallback level.

    attributes: what those of a customer without a history did to the list; None where they were not read.
    """

    items: tuple[Recommendation, ...]
    placement: str
    model_version: str
    fallback: Fallback
    attributes: AttributesEffect | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One titled list of several.  because: the items it follows from."""

    title: str
    placement: str
    because: tuple[str, ...]
    items: tuple[Recommendation, ...]
    fallback: Fallback


@dataclass(frozen=True, slots=True)
class Rows:
    """Several lists; no item is in two of them.  fallback: of the most personal row."""

    rows: tuple[Row, ...]
    placement: str
    model_version: str
    fallback: Fallback


def to_json(recommendations: RecommendationList | Rows) -> dict[str, Any]:
    """The list or the rows as JSON types, as storefronts get them."""
    content: dict[str, Any]
    if isinstance(recommendations, Rows):
        content = {"rows": [_row_json(row) for row in recommendations.rows]}
    else:
        content = {"items": [_item_json(item) for item in recommendations.items]}
        if recommendations.attributes is not None:
            content["attributes"] = recommendations.attributes
    return content | {
        "placement": recommendations.placement,
        "model_version": recommendations.model_version,
        "fallback": recommendations.fallback,
    }


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "title": row.title,
        "placement": row.placement,
        "because": row.because,
        "items": [_item_json(item) for item in row.items],
        "fallback": row.fallback,
    }


_NOTHING_MORE = [None] * (len(Recommendation._fields) - 6)


def _item_json(item: Recommendation) -> dict[str, Any]:
    item_id, name, score, rank, (code, text, because), source, *more = item
    fields: dict[str, Any] = {
        "item_id": item_id,
        "name": name,
        "score": score,
        "rank": rank,
        "reason": {"code": code, "text": text, "because": because},
        "source": source,
    }
    if more == _NOTHING_MORE:
        return fields
    if item.expected_rating is not None:
        fields["expected_rating"] = item.expected_rating
    if item.probability is not None:
        fields["probability"] = item.probability
    if item.explanation is not None:
        fields["explanation"] = {
            "text": item.explanation.text,
            "own_place": item.explanation.own_place,
            "sources": [source_score._asdict() for source_score in item.explanation.sources],
            "rules": [note._asdict() for note in item.explanation.rules],
        }
    if item.fields is not None:
        fields["fields"] = item.fields
    return fields
