"""What the shop knows of its customers, and their rights: consent, one customer of two, everything told, all erased."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, TypeAdapter, ValidationError

from api.errors.handlers import invalid
from api.openapi.examples import EXPORT
from api.openapi.responses import BODY_ERRORS, ERRORS, RECEIPT_ERRORS, USER_ERRORS, body_of
from api.routes.body import batch_from, json_of
from api.schemas.params import UserPathId
from api.schemas.users import ErasedOut, MergedOut, MergeIn, StoredUsersOut, UserFields, UserIn, UserOut, UsersIn
from api.state import AppState, app_state
from recsys.data.answer_log.log import erase_from_answer_log
from recsys.data.entities import PURPOSES, User, UserChange
from recsys.data.ids import MISSING
from recsys.data.store.identity import Receipt
from recsys.errors import UnknownReceipt, UnknownUser
from recsys.privacy.erasure import erase_user_data, remaining_traces
from recsys.privacy.export import export_user_data

router = APIRouter(tags=["users"])

M = TypeVar("M", bound=BaseModel)

_ALL = TypeAdapter(list[UserIn])


@router.post(
    "/v1/users",
    response_model=StoredUsersOut,
    responses=BODY_ERRORS,
    openapi_extra=body_of(UserIn, UsersIn, many=UserIn),
)
async def put_users(request: Request) -> Response:
    """Stores up to 1,000 customers, all or none, each as PUT does."""
    service = app_state(request)
    sent = batch_from(await request.body(), "users", service.place.serve.batch_limit)
    try:
        found = _ALL.validate_python(sent)
    except ValidationError as error:
        raise invalid(error, "users") from None
    changes = [_change(one.user_id, one, is_whole=True) for one in found]
    await service.apart(lambda: _apply(service, changes))
    return _json({"stored": len(changes)})


@router.post("/v1/users:merge", response_model=MergedOut, responses=BODY_ERRORS, openapi_extra=body_of(MergeIn))
async def merge_users(request: Request) -> Response:
    """A visitor turns out to be a customer: from the next answer on, what they did counts for the customer.

    Asked again it changes nothing.  422 when the visitor is another customer already.
    """
    service, sent = app_state(request), _body(MergeIn, await request.body())
    receipt = await service.apart(lambda: service.store.merge_users(sent.from_, sent.into))
    owner = await service.apart(lambda: service.store.identity(sent.into).owner_id)
    return _json({"user_id": owner, "merged": receipt is not None, "receipt": receipt and receipt.as_mapping()})


@router.get(
    "/v1/users/{user_id:path}/export",
    response_class=Response,
    responses={
        200: {
            "content": {"application/json": {"schema": {"type": "object"}, "example": EXPORT}},
            "description": "One document, sent piece by piece",
        },
        **ERRORS,
    },
)
async def export_user(request: Request, user_id: UserPathId) -> Response:
    """Everything known of a customer: record, events, what the release in service knows, what was shown."""
    service = app_state(request)
    serving = service.live.now
    if service.shown is not None:
        await service.apart(service.shown.write)
    recommender = None if serving is None else serving.recommender
    parts = export_user_data(service.store, service.place.home, recommender, user_id)
    return StreamingResponse(parts, media_type="application/json")


@router.delete("/v1/users/{user_id:path}", response_model=ErasedOut, responses=ERRORS)
async def erase_user(request: Request, user_id: UserPathId) -> Response:
    """Erases the customer and the ids merged into them; the receipt says where traces are left.

    Of somebody nobody heard of there is a receipt, too.  Later events under the id are those of a new customer.
    """
    service = app_state(request)
    if service.shown is not None:
        await service.apart(service.shown.write)
    receipt = await service.apart(lambda: erase_user_data(service.store, service.place.home, user_id))
    await service.forgetting.look()
    if service.redis is not None:
        await service.redis.clear()
    return await _receipt(service, receipt)


@router.get("/v1/receipts/{receipt_id}", response_model=ErasedOut, responses=RECEIPT_ERRORS)
async def read_receipt(
    request: Request,
    receipt_id: Annotated[
        str, Path(pattern="^[0-9a-f]{1,64}$", description="as it was told", examples=["4f1c09d2a7b3e865"])
    ],
) -> Response:
    """What an erasure or a merge did, and where traces are left by now."""
    service = app_state(request)
    found = await service.apart(lambda: service.store.receipt(receipt_id))
    if found is None:
        raise UnknownReceipt(f"no receipt {receipt_id!r}")
    return await _receipt(service, found)


async def _receipt(service: AppState, found: Receipt) -> Response:
    left = await service.apart(lambda: remaining_traces(service.store, service.place.home, found))
    return _json({**found.as_mapping(), "remains": left})


@router.get("/v1/users/{user_id:path}", response_model=UserOut, responses=USER_ERRORS)
async def read_user(request: Request, user_id: UserPathId) -> Response:
    """What is known of the customer beside their events; of a merged id, the customer it was merged into."""
    service = app_state(request)
    return _json(await service.apart(lambda: _told(service, _known(service, user_id))))


@router.put(
    "/v1/users/{user_id:path}", response_model=UserOut, responses=BODY_ERRORS, openapi_extra=body_of(UserFields)
)
async def put_user(request: Request, user_id: UserPathId) -> Response:
    """Stores the customer.  Attributes left out are unknown from now on; consent stays where it is not named."""
    return await _changed(request, _change(user_id, _body(UserFields, await request.body()), is_whole=True))


@router.patch(
    "/v1/users/{user_id:path}", response_model=UserOut, responses=BODY_ERRORS, openapi_extra=body_of(UserFields)
)
async def change_user(request: Request, user_id: UserPathId) -> Response:
    """Changes only what is named, of a customer nobody heard of, too; null makes it unknown, or unset."""
    return await _changed(request, _change(user_id, _body(UserFields, await request.body()), is_whole=False))


def _change(user_id: str, sent: UserFields, *, is_whole: bool) -> UserChange:
    attributes: Mapping[str, Any] | None = (
        sent.attributes if is_whole or "attributes" in sent.model_fields_set else None
    )
    consent = sent.consent.model_dump(exclude_unset=True) if sent.consent is not None else None
    return UserChange(user_id, attributes, consent, is_whole)


async def _changed(request: Request, change: UserChange) -> Response:
    service = app_state(request)
    return _json(await service.apart(lambda: _told(service, _apply(service, [change])[0])))


def _apply(service: AppState, changes: Sequence[UserChange]) -> list[User]:
    """Stores them; of who does not consent, what they were shown is forgotten, too."""
    users = service.store.change_users(changes)
    refusing = {user.user_id for user in users if not user.is_personal}
    for user_id in refusing:
        for one in (user_id, *service.store.merged_ids(user_id)):
            erase_from_answer_log(service.place.home, one)
    return users


def _known(service: AppState, user_id: str) -> User:
    """The customer, or a bare one of whom only events are known.  Raises UnknownUser."""
    identity = service.store.identity(user_id)
    found = service.store.user(identity.owner_id)
    if found is not None:
        return found
    serving = service.live.now
    is_learnt = (
        serving is not None
        and identity.forgotten_seq <= serving.log_seq
        and serving.recommender.engine.users.position(identity.owner_id) != MISSING
    )
    if is_learnt or identity.owner_id != user_id or service.store.user_head(identity.owner_id):
        return User(identity.owner_id)
    raise UnknownUser(f"no customer {user_id!r}; PUT /v1/users/{{user_id}} makes one, and so does an event of theirs")


def _told(service: AppState, user: User) -> dict[str, object]:
    return {
        "user_id": user.user_id,
        "attributes": dict(user.attributes),
        "consent": {purpose: user.consent.get(purpose) for purpose in PURPOSES},
        "merged_ids": service.store.merged_ids(user.user_id),
    }


def _body(model: type[M], raw: bytes) -> M:
    try:
        return model.model_validate(json_of(raw))
    except ValidationError as error:
        raise invalid(error) from None


def _json(told: Mapping[str, object]) -> Response:
    return Response(orjson.dumps(told), media_type="application/json")
