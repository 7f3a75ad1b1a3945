"""Audience routes: the customers most likely to buy an item or one of many, and the lookalikes of a customer."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query, Request, Response

from api.live.release import LiveRelease
from api.live.subject import Subject
from api.openapi.responses import BODY_ERRORS, ERRORS, ITEM_ERRORS, body_of
from api.routes.response import json_response
from api.schemas.audience import DEFAULT_DAYS, MAX_AUDIENCE, AudienceIn, AudienceOut, TwinsOut
from api.schemas.params import FieldsParam, K, PathId, UserPathId
from api.schemas.validation import parse_body
from api.state import app_state
from api.traffic.turns import WaitingClient, turn
from recsys.data.events import Event
from recsys.data.store.consent import marketing_consent, personalisation_consent
from recsys.ranking.faces import rows_with_faces
from recsys.ranking.segments.document import SegmentName
from recsys.ranking.segments.evaluation import release_members
from recsys.ranking.segments.population import release_population
from recsys.ranking.targeting.audience import AudienceScope, let_others_go_on

router = APIRouter(tags=["users"])

LimitParam = Annotated[int, Query(ge=1, le=MAX_AUDIENCE, description="maximum number of customers")]

SegmentParam = Annotated[SegmentName | None, Query(description="only members of this saved segment")]
DaysParam = Annotated[float, Query(ge=7, le=28, description="the horizon of the chances, in days")]
ChannelParam = Annotated[str | None, Query(max_length=100, description="without those who refused marketing over it")]


class _Customers(NamedTuple):
    """Customers, and the version of the release that chose them."""

    customers: list[dict[str, Any]]
    model_version: str


@router.get("/v1/items/{item_id:path}/audience", response_model=AudienceOut, responses=ITEM_ERRORS)
async def audience_of_item(
    request: Request,
    item_id: PathId,
    limit: LimitParam = 100,
    fields: FieldsParam = (),
    segment: SegmentParam = None,
    days: DaysParam = DEFAULT_DAYS,
    channel: ChannelParam = None,
) -> Response:
    """The customers most likely to buy this item, without those who refused marketing.  Takes seconds."""
    terms = AudienceIn.model_construct(
        where=None, fields=list(fields), limit=limit, segment=segment, days=days, channel=channel
    )
    return await _audience(request, item_id, terms)


@router.post("/v1/audience", response_model=AudienceOut, responses=BODY_ERRORS, openapi_extra=body_of(AudienceIn))
async def audience_of_items(request: Request) -> Response:
    """The customers most likely to buy one of the items on sale that pass the filter, each with that item."""
    body = parse_body(AudienceIn, await request.body())
    return await _audience(request, None, body)


@router.get("/v1/users/{user_id:path}/similar", response_model=TwinsOut, responses=ERRORS)
async def similar_customers(request: Request, user_id: UserPathId, k: K = 10) -> Response:
    """The customers whose purchases are most like this customer's, including the latest ones."""
    state = app_state(request)

    def compute(release: LiveRelease, _now_ms: int, events: Sequence[Event], subject: Subject) -> _Customers:
        has_consent = personalisation_consent(state.store, release.log_seq)
        twins = release.recommender.lookalikes(subject.user_id, events, k=k, has_consent=has_consent)
        return _Customers([twin._asdict() for twin in twins], release.version)

    return _respond(await state.recommendations.compute_once(user_id, compute, in_thread=True))


async def _audience(request: Request, item_id: str | None, terms: AudienceIn) -> Response:
    state = app_state(request)
    repository = state.releases.segments.repository
    saved = await asyncio.to_thread(repository.last_valid)
    customers = repository.named_condition(terms.customers, terms.segment, saved)

    def compute(
        client: WaitingClient, release: LiveRelease, now_ms: int, _events: Sequence[Event], _subject: Subject
    ) -> _Customers:
        recommender, among = release.recommender, None
        if customers is not None:
            people = release_population(recommender.engine, recommender.catalogue, state.store, release.log_seq)
            among = release_members(customers, people, saved.conditions())
        audience = recommender.audience(
            item_id,
            where=terms.where,
            now_ms=now_ms,
            limit=terms.limit,
            has_consent=marketing_consent(state.store, release.log_seq, terms.channel),
            scope=AudienceScope(among, terms.days, partial(_go_on, client)),
        )
        rows = [member._asdict() for member in audience]
        return _Customers(rows_with_faces(recommender, rows, terms.fields), release.version)

    # An audience keeps a core busy for seconds, and lists for shoppers come first
    async with turn(state.audience_slot, request.receive) as client:
        return _respond(await state.recommendations.compute_once(None, partial(compute, client), in_thread=True))


def _respond(result: _Customers) -> Response:
    return json_response({"customers": result.customers, "model_version": result.model_version})


def _go_on(client: WaitingClient) -> None:
    """Lets others go on.  Raises ClientDisconnect once the client is gone."""
    client.check()
    let_others_go_on()
