"""User routes: attributes and consent of customers, merge of two ids, export and erasure."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse

from api.openapi.examples import EXPORT
from api.openapi.responses import BODY_ERRORS, ERRORS, RECEIPT_ERRORS, USER_ERRORS, body_of
from api.routes.response import json_response
from api.schemas.params import UserPathId
from api.schemas.users import (
    ErasedOut,
    MergedOut,
    MergeIn,
    StoredUsersOut,
    UnmergedOut,
    UnmergeIn,
    UserFields,
    UserIn,
    UserOut,
    UsersIn,
)
from api.schemas.validation import parse_batch, parse_json, validated
from api.state import AppState, app_state
from recsys.data.answer_log.answer_log import erase_from_answer_log
from recsys.data.entities import PURPOSES, User, UserChange, consent_key
from recsys.data.ids import MISSING
from recsys.data.store.identity import Receipt
from recsys.errors import UnknownReceipt, UnknownUser
from recsys.privacy.erasure import erase_user_data, remaining_traces
from recsys.privacy.export import export_user_data

router = APIRouter(tags=["users"])


@router.post(
    "/v1/users",
    response_model=StoredUsersOut,
    responses=BODY_ERRORS,
    openapi_extra=body_of(UserIn, UsersIn, many=UserIn),
)
async def put_users(request: Request) -> Response:
    """Stores up to 1,000 customers, all or none, each as PUT does."""
    state = app_state(request)
    entries = parse_batch(await request.body(), "users", state.config.serve.batch_limit)
    bodies = validated(UsersIn, {"users": entries}, where="").users
    changes = [_change(body.user_id, body, is_whole=True) for body in bodies]
    await state.in_thread(lambda: _apply(state, changes))
    return json_response({"stored": len(changes)})


@router.post("/v1/users:merge", response_model=MergedOut, responses=BODY_ERRORS, openapi_extra=body_of(MergeIn))
async def merge_users(request: Request) -> Response:
    """Merges a visitor into a customer: from the next answer on, events of the visitor count for the customer.

    A repeated request changes nothing.  422 when the visitor is merged into another customer already.
    """
    state, body = app_state(request), validated(MergeIn, parse_json(await request.body()))
    receipt = await state.in_thread(lambda: state.store.merge_users(body.from_, body.into))
    owner = await state.in_thread(lambda: state.store.identity(body.into).owner_id)
    return json_response({"user_id": owner, "merged": receipt is not None, "receipt": receipt and receipt.as_mapping()})


@router.post("/v1/users:unmerge", response_model=UnmergedOut, responses=BODY_ERRORS, openapi_extra=body_of(UnmergeIn))
async def unmerge_user(request: Request) -> Response:
    """Takes back the merge of an id: from the next answer on it is a customer of its own again.

    Events and facts return to the id they were sent for, also later ones.  422 for an id that is not merged.
    """
    state, body = app_state(request), validated(UnmergeIn, parse_json(await request.body()))
    receipt = await state.in_thread(lambda: state.store.unmerge_user(body.user_id))
    return json_response({"user_id": body.user_id, "receipt": receipt.as_mapping()})


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
    """All data of a customer: record, events, what the release in service knows, logged answers."""
    state = app_state(request)
    release = state.releases.now
    if state.answer_log is not None:
        await state.in_thread(state.answer_log.write)
    recommender = None if release is None else release.recommender
    parts = export_user_data(state.store, state.config.home, recommender, user_id)
    return StreamingResponse(parts, media_type="application/json")


@router.delete("/v1/users/{user_id:path}", response_model=ErasedOut, responses=ERRORS)
async def erase_user(request: Request, user_id: UserPathId) -> Response:
    """Erases the customer and the ids merged into them; the receipt says where traces are left.

    An unknown customer gets a receipt too.  Later events with the id belong to a new customer.
    """
    state = app_state(request)
    if state.answer_log is not None:
        await state.in_thread(state.answer_log.write)
    receipt = await state.in_thread(lambda: erase_user_data(state.store, state.config.home, user_id))
    await state.erasure_sync.reload_if_changed()
    if state.redis is not None:
        await state.redis.clear()
    return await _with_remains(state, receipt)


@router.get("/v1/receipts/{receipt_id}", response_model=ErasedOut, responses=RECEIPT_ERRORS)
async def read_receipt(
    request: Request,
    receipt_id: Annotated[
        str,
        Path(
            pattern="^[0-9a-f]{1,64}$", description="as the erasure or merge returned it", examples=["4f1c09d2a7b3e865"]
        ),
    ],
) -> Response:
    """The receipt of an erasure or a merge, and the traces that are left now."""
    state = app_state(request)
    receipt = await state.in_thread(lambda: state.store.receipt(receipt_id))
    if receipt is None:
        raise UnknownReceipt(f"no receipt {receipt_id!r}")
    return await _with_remains(state, receipt)


async def _with_remains(state: AppState, receipt: Receipt) -> Response:
    left = await state.in_thread(lambda: remaining_traces(state.store, state.config.home, receipt))
    return json_response({**receipt.as_mapping(), "remains": left})


@router.get("/v1/users/{user_id:path}", response_model=UserOut, responses=USER_ERRORS)
async def read_user(request: Request, user_id: UserPathId) -> Response:
    """Attributes and consent of the customer; of a merged id, those of the customer it was merged into."""
    state = app_state(request)
    return json_response(await state.in_thread(lambda: _to_json(state, _known(state, user_id))))


@router.put(
    "/v1/users/{user_id:path}", response_model=UserOut, responses=BODY_ERRORS, openapi_extra=body_of(UserFields)
)
async def put_user(request: Request, user_id: UserPathId) -> Response:
    """Stores the customer.  Attributes that are left out become unknown; consent that is left out stays."""
    return await _changed(request, await _change_from(request, user_id, is_whole=True))


@router.patch(
    "/v1/users/{user_id:path}", response_model=UserOut, responses=BODY_ERRORS, openapi_extra=body_of(UserFields)
)
async def change_user(request: Request, user_id: UserPathId) -> Response:
    """Changes only the named fields, also of an unknown customer; null makes an attribute unknown, a consent unset."""
    return await _changed(request, await _change_from(request, user_id, is_whole=False))


async def _change_from(request: Request, user_id: str, *, is_whole: bool) -> UserChange:
    return _change(user_id, validated(UserFields, parse_json(await request.body())), is_whole=is_whole)


def _change(user_id: str, body: UserFields, *, is_whole: bool) -> UserChange:
    has_attributes = is_whole or "attributes" in body.model_fields_set
    attributes: Mapping[str, Any] | None = body.attributes if has_attributes else None
    if body.consent is None:
        return UserChange(user_id, attributes, None, is_whole)
    given = body.consent
    consent: dict[str, bool | None] = {
        name: getattr(given, name) for name in PURPOSES if name in given.model_fields_set
    }
    if given.channels is not None:
        consent |= {consent_key("marketing", channel): yes for channel, yes in given.channels.marketing.items()}
    return UserChange(user_id, attributes, consent, is_whole, given.at, given.source)


async def _changed(request: Request, change: UserChange) -> Response:
    state = app_state(request)
    return json_response(await state.in_thread(lambda: _to_json(state, _apply(state, [change])[0])))


def _apply(state: AppState, changes: Sequence[UserChange]) -> list[User]:
    """Stores the changes; the logged answers of a user who does not consent are deleted too."""
    users = state.store.change_users(changes)
    refusing = {user.user_id for user in users if not user.is_personal}
    for user_id in refusing:
        for any_id in (user_id, *state.store.merged_ids(user_id)):
            erase_from_answer_log(state.config.home, any_id)
    return users


def _known(state: AppState, user_id: str) -> User:
    """The stored user, or one without fields when only events of theirs are known.  Raises UnknownUser."""
    identity = state.store.identity(user_id)
    user = state.store.user(identity.owner_id)
    if user is not None:
        return user
    release = state.releases.now
    is_learnt = (
        release is not None
        and identity.forgotten_seq <= release.log_seq
        and release.recommender.engine.users.position(identity.owner_id) != MISSING
    )
    is_merged = identity.owner_id != user_id
    if is_learnt or is_merged or state.store.user_head(user_id) or state.store.user_facts(user_id, newest=1):
        return User(identity.owner_id)
    raise UnknownUser(f"no customer {user_id!r}; PUT /v1/users/{{user_id}} makes one, and so does an event of theirs")


def _to_json(state: AppState, user: User) -> dict[str, object]:
    return {
        "user_id": user.user_id,
        "attributes": dict(user.attributes),
        "consent": user.consent_json(),
        "merged_ids": state.store.merged_ids(user.user_id),
    }
