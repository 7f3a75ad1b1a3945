"""Query of a request: from the checked request body to the query of the ranking engine."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import orjson
from fastapi import Request
from pydantic import BaseModel

from api.auth.authentication import ANONYMOUS, Grant
from api.errors.refused import Refused
from api.live.release import LiveRelease
from api.live.subject import Subject
from api.recommendation_service import CacheableQuery, plain_query, plain_text
from api.schemas.recommendations import FiltersIn, RecommendationsIn, SessionEvent
from api.schemas.validation import validated
from api.state import AppState, app_state
from api.traffic.deadline import AT_ONCE, NEVER, Deadline
from recsys.data.events import KIND_BY_NAME, Event
from recsys.ranking.faces import with_faces
from recsys.ranking.filters.spec import NO_FILTERS, Filters
from recsys.ranking.placements import Placements
from recsys.ranking.query import ListOptions, Query, RecommendationList, Rows
from recsys.ranking.rows.rows import build_rows
from recsys.time_units import now_ms as unix_ms

_APART = {"user_id", "placement", "k"}  # arguments that are written by themselves
_DEFAULTS = RecommendationsIn.model_validate({})
MAX_KEPT_NAMES = 10  # of a kept filter, so that strangers cannot fill the memory with long ones
_PLAIN = {"user_id", "placement", "k"}
_OPTIONS = {"max_per", "min_score", "diversity", "seed", "rotate"}


def body_from_params(params: Mapping[str, object]) -> RecommendationsIn:
    """The body that means the same as these query parameters.  Raises Refused: for a NUL in one of them, say."""
    return validated(RecommendationsIn, params, "query")


def check_explain(request: Request, body: RecommendationsIn) -> None:
    """Raises Refused when a browser's key asks for explanations: weights and rules are for the shop's servers only."""
    grant: Grant = request.scope.get("grant", ANONYMOUS)
    if body.explain and grant.origins:
        raise Refused("missing_scope", "a browser's key does not open `explain`; use a key without origins")


def n_lists(body: RecommendationsIn, placements: Placements) -> int:
    """How many lists the answer to a query holds: its rows, or one."""
    if isinstance(body.rows, list):
        return len(body.rows)
    placement = placements.get(body.placement) if body.rows else None
    return 1 if placement is None else max(1, len(placement.rows))


def count_lists(request: Request, n: int) -> None:
    """Counts a request that holds n lists for the rate limit, which has counted it once."""
    limiter = app_state(request).rate_limiter
    if limiter.is_on:
        address = request.client.host if request.client is not None else ""
        limiter.charge(request.scope.get("grant", ANONYMOUS), address, n - 1)


async def cacheable_query(state: AppState, body: RecommendationsIn, deadline: Deadline = NEVER) -> CacheableQuery:
    """The query of a body.  When there is no time for the user, nothing of theirs is read."""
    options = _options(body) if deadline is AT_ONCE else await _options_with_impressions(state, body)
    is_cacheable = not body.rotate or body.user_id is None or state.recent_answers is None
    return _cacheable(body, options, is_cacheable=is_cacheable)


def list_query(body: RecommendationsIn) -> CacheableQuery | None:
    """The query of a body for one list that is computed at once; None for rows, explanations and rotation."""
    if body.model_fields_set <= _PLAIN:
        return plain_query(body.user_id, body.placement, body.k)
    if body.rows is not False or body.explain or body.rotate:
        return None
    return _cacheable(body, _options(body))


async def query_now(state: AppState, body: RecommendationsIn) -> tuple[LiveRelease, Query]:
    """The live release, and the query of one list as of now.  Raises NoBundle, Refused for rows."""
    if body.rows is not False:
        raise Refused("invalid", "ask.rows: only one list can be looked into at a time; leave `rows` out")
    user_state = await state.user_states.read(body.user_id)
    events = await state.user_states.events(user_state)
    options = await _options_with_impressions(state, body)
    return user_state.release, _query(
        body, unix_ms(), events or (), user_state.subject, options, _filters(body.filters)
    )


def session_event(event: str | SessionEvent, now_ms: int) -> Event:
    """An event of this visit; a bare id is a view now."""
    if isinstance(event, str):
        return Event("", "", event, KIND_BY_NAME["view"], now_ms)
    # A date in the future would make all other events look old.
    return Event("", "", event.item_id, KIND_BY_NAME[event.kind], now_ms if event.at is None else min(event.at, now_ms))


def _cacheable(body: RecommendationsIn, options: ListOptions | None, *, is_cacheable: bool = True) -> CacheableQuery:
    filters = _filters(body.filters)

    def compute(
        release: LiveRelease, now_ms: int, events: Sequence[Event], subject: Subject
    ) -> RecommendationList | Rows:
        query = _query(body, now_ms, events, subject, options, filters)
        if body.rows is False:
            return with_faces(release.recommender, release.recommender.recommend(query), body.fields)
        rows = build_rows(release.recommender, query, body.rows if isinstance(body.rows, list) else ())
        return with_faces(release.recommender, rows, body.fields)

    def degraded() -> CacheableQuery:
        return _cacheable(body.model_copy(update={"user_id": None, "session": [], "attributes": {}}), _options(body))

    # A rotated list is slow, because a hundred items may have been shown.
    is_slow = body.rows is not False or body.explain or not is_cacheable
    return CacheableQuery(
        body.user_id, _text(body), compute, is_slow, is_cacheable, degraded if body.rows is False else None
    )


async def _options_with_impressions(state: AppState, body: RecommendationsIn) -> ListOptions | None:
    """For rotation, with the user's newest events and the answers they got; read only while the log answers."""
    options = _options(body)
    if options is None or not options.rotate or body.user_id is None or not state.user_states.breaker.is_closed:
        return options
    events = state.user_states.newest_events(body.user_id)
    if state.recent_answers is None:
        return replace(options, shown=await events)
    shown, answers = await asyncio.gather(events, state.recent_answers.read(body.user_id))
    return replace(options, shown=shown, answers=answers)


def _text(body: RecommendationsIn) -> str:
    """Every argument but the user; an argument left at its default does not tell queries apart."""
    names = sorted(body.model_fields_set - _APART)
    more = {name: value for name in names if (value := getattr(body, name)) != getattr(_DEFAULTS, name)}
    plain = plain_text(body.placement, body.k)
    return f"{plain}\n{orjson.dumps(more, default=_given_fields).decode()}" if more else plain


def _given_fields(part: BaseModel) -> dict[str, Any]:
    return part.model_dump(exclude_defaults=True)


def _query(
    body: RecommendationsIn,
    now_ms: int,
    events: Sequence[Event],
    subject: Subject,
    options: ListOptions | None,
    filters: Filters,
) -> Query:
    return Query(
        now_ms=now_ms,
        placement=body.placement,
        k=body.k,
        user_id=subject.user_id,
        recent=events,
        session=[session_event(event, now_ms) for event in body.session] if subject.is_personal else (),
        context_item_ids=body.context,
        exclude=body.exclude,
        filters=filters,
        attributes={**subject.attributes, **body.attributes} if subject.is_personal else {},
        options=options,
        explain=body.explain,
    )


def _options(body: RecommendationsIn) -> ListOptions | None:
    """None for a body without options: then no time is spent on them."""
    if not body.model_fields_set & _OPTIONS:
        return None
    return ListOptions(body.max_per, body.min_score, body.diversity, body.seed, body.rotate)


def _filters(filters: FiltersIn) -> Filters:
    """The same fields, with sets instead of lists of names."""
    if not filters.model_fields_set:
        return NO_FILTERS
    fields = tuple((name, frozenset(value) if isinstance(value, list) else value) for name, value in filters)
    n_names = sum(len(value) for _, value in fields if isinstance(value, frozenset))
    is_small = filters.where is None and n_names <= MAX_KEPT_NAMES
    return _small_filters(fields) if is_small else Filters(**dict[str, Any](fields))


@lru_cache(maxsize=256)  # a shop asks with few filters, and to combine one takes as long as to apply it
def _small_filters(fields: tuple[tuple[str, Any], ...]) -> Filters:
    return Filters(**dict(fields))
