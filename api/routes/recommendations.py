"""What to show: to a customer, to an anonymous visitor, beside a product."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Request, Response
from fastapi import Query as QueryParam
from pydantic import ValidationError

from api.auth.authentication import ANONYMOUS, Grant
from api.errors.handlers import invalid
from api.errors.refused import Refused
from api.live.release import LiveRelease
from api.live.user_state import Subject
from api.openapi.responses import BODY_ERRORS, ERRORS, ITEM_ERRORS, body_of
from api.recommendation_service import CacheableQuery, Compute, finished, now_ms, plain, plain_text
from api.schemas.filter_param import WhereText, where_asked
from api.schemas.params import K, PathId, UserPathId
from api.schemas.recommendations import FiltersIn, RecommendationsIn, RecommendationsOut, RowsOut, SessionEvent
from api.state import AppState, app_state
from api.traffic.deadline import AT_ONCE, NEVER, Deadline
from recsys.data.answer_log.recent_lists import RecentList
from recsys.data.events import KIND_BY_NAME, Event
from recsys.ranking.filters.spec import NO_FILTERS, Filters
from recsys.ranking.query import ListOptions, Query, RecommendationList, Rows
from recsys.ranking.rows.rows import rows_of

router = APIRouter(tags=["recommendations"])


class _Before(NamedTuple):
    """What rotation goes by: the customer's newest events, and the answers they got lately."""

    events: Sequence[Event] = ()
    answers: Sequence[RecentList] = ()


_NOTHING = _Before()
_WISHES = {"max_per", "min_score", "diversity", "seed", "rotate"}

ListOut = RecommendationsOut | RowsOut


@router.get("/v1/users/{user_id:path}/recommendations", response_model=ListOut, responses=ERRORS)
async def recommendations_of_user(
    request: Request,
    user_id: UserPathId,
    k: K = 10,
    placement: Annotated[str, QueryParam(max_length=1_000, description="a named spot of the shop")] = "home",
    rows: Annotated[bool, QueryParam(description="several titled lists in one answer, those of the placement")] = False,
    explain: Annotated[bool, QueryParam(description="tells with each item how it came to its place")] = False,
    rotate: Annotated[bool, QueryParam(description="what this customer was shown lately sinks")] = False,
) -> Response:
    """What to show this customer in this place, now.  An unknown customer gets a list too."""

    if rows or explain or rotate:
        more = {"rows": rows, "explain": explain, "rotate": rotate}
        asked = asked_by_query({"user_id": user_id, "placement": placement, "k": k, **more})
        question, make = await asking(app_state(request), allowed(request, asked), request.scope["due"])
    else:
        question, make = plain(user_id, placement, k)
    return await _told(request, question, make)


@router.post(
    "/v1/recommendations",
    response_model=ListOut,
    responses=BODY_ERRORS,
    openapi_extra=body_of(RecommendationsIn),
)
async def recommendations(request: Request) -> Response:
    """What to show, with all that is known: a session, what is looked at, what not to show, what is allowed."""
    try:
        asked = RecommendationsIn.model_validate_json(await request.body())
    except ValidationError as error:
        raise invalid(error) from None

    return await _told(request, *await asking(app_state(request), allowed(request, asked), request.scope["due"]))


@router.get("/v1/items/{item_id:path}/similar", response_model=RecommendationsOut, responses=ITEM_ERRORS)
async def similar_items(request: Request, item_id: PathId, k: K = 10, where: WhereText = None) -> Response:
    """What goes with this item."""
    asked = where_asked(where)
    filters = NO_FILTERS if asked is None else Filters(where=asked)

    def make(serving: LiveRelease, now: int, _events: Sequence[Event], _asker: Subject) -> RecommendationList:
        return serving.recommender.similar(item_id, k=k, now_ms=now, filters=filters)

    text = f"similar {k} {item_id}" if asked is None else f"similar {k} {item_id}\n{asked.text}"
    return await _told(request, CacheableQuery(None, text), make)


def asked_by_query(given: Mapping[str, object]) -> RecommendationsIn:
    """The same question as of a body.  Raises Refused: a query may hold what no body may, a NUL for one."""
    try:
        return RecommendationsIn.model_validate(given)
    except ValidationError as error:
        raise invalid(error, "query") from None


def allowed(request: Request, asked: RecommendationsIn) -> RecommendationsIn:
    """The same question.  Raises Refused where a page wants to know what is the shop's alone: its weights and rules."""
    grant: Grant = request.scope.get("grant", ANONYMOUS)
    if asked.explain and grant.origins:
        raise Refused("missing_scope", "a browser's key does not open `explain`; use a key without origins")
    return asked


async def asking(service: AppState, asked: RecommendationsIn, due: Deadline = NEVER) -> tuple[CacheableQuery, Compute]:
    """The question, and how it is answered; where there is no time for the customer, nothing is read of them."""
    before = _NOTHING if due is AT_ONCE else await _before(service, asked)
    return _question(asked, before, is_kept=not _tires(service, asked))


def _question(asked: RecommendationsIn, before: _Before, *, is_kept: bool = True) -> tuple[CacheableQuery, Compute]:
    """Asked by nobody, there is neither customer nor visit, but all the rest."""

    def make(serving: LiveRelease, now: int, events: Sequence[Event], asker: Subject) -> RecommendationList | Rows:
        ask = _ask(asked, now, events, asker, before=before)
        if asked.rows is False:
            return serving.recommender.recommend(ask)
        return rows_of(serving.recommender, ask, asked.rows if isinstance(asked.rows, list) else ())

    def lesser() -> tuple[CacheableQuery, Compute]:
        return _question(asked.model_copy(update={"user_id": None, "session": [], "attributes": {}}), _NOTHING)

    if asked.rows is False:
        is_long = asked.explain or not is_kept  # a hundred items may have been shown
        return CacheableQuery(asked.user_id, _text(asked), is_long, lesser, is_kept), make
    return CacheableQuery(asked.user_id, _text(asked), is_long=True, is_kept=is_kept), make


async def _before(service: AppState, asked: RecommendationsIn) -> _Before:
    """Read only for who wishes for rotation, and while the log answers."""
    if not asked.rotate or asked.user_id is None or not service.recent.breaker.is_closed:
        return _NOTHING
    events = service.recent.latest_of(asked.user_id)
    if service.lately is None:
        return _Before(await events)
    return _Before(*await asyncio.gather(events, service.lately.of(asked.user_id)))


def _tires(service: AppState, asked: RecommendationsIn) -> bool:
    """Whether the next answer is another one because this one was given."""
    return asked.rotate and asked.user_id is not None and service.lately is not None


async def answered(
    service: AppState, question: CacheableQuery, make: Compute, request_id: str, due: Deadline = NEVER
) -> bytes:
    """The answer under its request id, and a note that it left."""
    body = await service.answers.answer(question, make, due)
    if service.shown is not None:
        service.shown.note(request_id, service.recent.owner_of(question.user_id), body)
    return finished(body, request_id)


async def _told(request: Request, question: CacheableQuery, make: Compute) -> Response:
    body = await answered(app_state(request), question, make, request.scope["request_id"], request.scope["due"])
    return Response(body, media_type="application/json")


def _text(asked: RecommendationsIn) -> str:
    """Every argument but the customer; what was left at its default does not tell questions apart."""
    more = asked.model_dump_json(exclude_defaults=True, exclude={"user_id", "placement", "k"})
    plain = plain_text(asked.placement, asked.k)
    return plain if more == "{}" else f"{plain}\n{more}"


async def ask_of(service: AppState, asked: RecommendationsIn) -> tuple[LiveRelease, Query]:
    """The question of one list as of now, and what would answer it.  Raises NoBundle, Refused for rows."""
    if asked.rows is not False:
        raise Refused("invalid", "ask.rows: only one list can be looked into at a time; leave `rows` out")
    seen = await service.recent.see(asked.user_id)
    events = await service.recent.events_of(seen)
    before = await _before(service, asked)
    return seen.serving, _ask(asked, now_ms(), events or (), seen.asker, before=before)


def _ask(
    asked: RecommendationsIn,
    now: int,
    events: Sequence[Event],
    asker: Subject,
    *,
    before: _Before,
) -> Query:
    return Query(
        now_ms=now,
        placement=asked.placement,
        k=asked.k,
        user_id=asker.user_id,
        recent=events,
        session=[session_event(one, now) for one in asked.session] if asker.is_personal else (),
        context=asked.context,
        exclude=asked.exclude,
        filters=_filters(asked.filters),
        attributes={**asker.attributes, **asked.attributes} if asker.is_personal else {},
        shape=_shape(asked, before),
        explain=asked.explain,
    )


def _shape(asked: RecommendationsIn, before: _Before) -> ListOptions | None:
    """None for a question without wishes: then nothing is spent on them."""
    if not asked.model_fields_set & _WISHES:
        return None
    return ListOptions(asked.max_per, asked.min_score, asked.diversity, asked.seed, asked.rotate, *before)


def session_event(one: str | SessionEvent, now: int) -> Event:
    """What a visitor did, as the engine knows events; a bare id is a view of this moment."""
    if isinstance(one, str):
        return Event("", "", one, KIND_BY_NAME["view"], now)
    # A date ahead of now would make all that was known look old.
    return Event("", "", one.item_id, KIND_BY_NAME[one.kind], now if one.at is None else min(one.at, now))


def _filters(asked: FiltersIn) -> Filters:
    if not asked.model_fields_set:
        return NO_FILTERS
    return Filters(
        category_in=None if asked.category_in is None else frozenset(asked.category_in),
        category_out=frozenset(asked.category_out),
        brand_in=None if asked.brand_in is None else frozenset(asked.brand_in),
        brand_out=frozenset(asked.brand_out),
        price_from=asked.price_from,
        price_to=asked.price_to,
        in_stock=asked.in_stock,
        where=asked.where,
    )
