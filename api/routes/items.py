"""What the shop knows of its items; a change counts in every answer from the next one on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, TypeAdapter, ValidationError

from api.errors.handlers import invalid
from api.openapi.responses import BODY_ERRORS, ITEM_ERRORS, body_of
from api.routes.body import batch_from, json_of
from api.schemas.items import ItemFields, ItemIn, ItemOut, ItemsIn, StoredOut
from api.schemas.params import PathId
from api.state import AppState, app_state
from recsys.data.entities import Item
from recsys.data.ids import MISSING
from recsys.errors import BadItem, UnknownItem

router = APIRouter(tags=["items"])

M = TypeVar("M", bound=BaseModel)

_FIELD_BY_NAME = {"available_from": "available_from_ms", "available_until": "available_until_ms"}
_ALL = TypeAdapter(list[ItemIn])


@router.post(
    "/v1/items", response_model=StoredOut, responses=BODY_ERRORS, openapi_extra=body_of(ItemIn, ItemsIn, many=ItemIn)
)
async def put_items(request: Request) -> Response:
    """Stores up to 1,000 items, all or none; each replaces what was known of it."""
    service = app_state(request)
    sent = batch_from(await request.body(), "items", service.place.serve.batch_limit)
    try:
        found = _ALL.validate_python(sent)
    except ValidationError as error:
        raise invalid(error, "items") from None
    items = [_checked(Item(one.item_id, **_fields(one))) for one in found]
    revision = await service.alone(lambda: service.store.put_items(items))
    return _json({"stored": len(items), "revision": revision})


@router.get("/v1/items/{item_id:path}", response_model=ItemOut, responses=ITEM_ERRORS)
async def read_item(request: Request, item_id: PathId) -> Response:
    """The item as it is stored; of one that only events tell of, that.  404 for who is deleted or never heard of."""
    service = app_state(request)
    return _json(await service.alone(lambda: _read(service, item_id)))


@router.put(
    "/v1/items/{item_id:path}", response_model=ItemOut, responses=ITEM_ERRORS, openapi_extra=body_of(ItemFields)
)
async def put_item(request: Request, item_id: PathId) -> Response:
    """Stores the item; what is left out is unknown from now on."""
    sent = _body(ItemFields, await request.body())
    item = _checked(Item(item_id, **_fields(sent)))
    service = app_state(request)
    await service.alone(lambda: service.store.put_items([item]))
    return _json(_told(item))


@router.patch(
    "/v1/items/{item_id:path}", response_model=ItemOut, responses=ITEM_ERRORS, openapi_extra=body_of(ItemFields)
)
async def change_item(request: Request, item_id: PathId) -> Response:
    """Changes only what is named; null makes it unknown.  Attributes are merged by name."""
    service = app_state(request)
    sent = _body(ItemFields, await request.body())
    item = await service.alone(lambda: _changed(service, item_id, _fields(sent)))
    return _json(_told(item))


@router.delete("/v1/items/{item_id:path}", status_code=204, responses=ITEM_ERRORS)
async def delete_item(request: Request, item_id: PathId) -> Response:
    """Takes the item out of every answer; its events stay."""
    service = app_state(request)
    await service.alone(lambda: _deleted(service, item_id))
    return Response(status_code=204)


def _changed(service: AppState, item_id: str, fields: dict[str, Any]) -> Item:
    before = _known(service, item_id)
    if "attributes" in fields:
        fields["attributes"] = {**before.attributes, **fields["attributes"]}
    item = _checked(replace(before, **fields))
    service.store.put_items([item])
    return item


def _deleted(service: AppState, item_id: str) -> None:
    _known(service, item_id)
    service.store.put_items([Item(item_id, deleted=True)])


def _read(service: AppState, item_id: str) -> Mapping[str, object]:
    found = service.store.item(item_id)
    return _told(_as_known(service, item_id, found), known_from="events" if found is None else "catalogue")


def _known(service: AppState, item_id: str) -> Item:
    """The item as it is stored, or a bare one when only its events are known."""
    return _as_known(service, item_id, service.store.item(item_id))


def _as_known(service: AppState, item_id: str, found: Item | None) -> Item:
    if found is not None and not found.deleted:
        return found
    serving = service.live.now
    if found is None and serving is not None and serving.recommender.catalogue.position(item_id) != MISSING:
        return Item(item_id)
    raise _unknown(item_id)


def _unknown(item_id: str) -> UnknownItem:
    return UnknownItem(f"no item {item_id!r}; PUT /v1/items/{{item_id}} makes one")


def _body(model: type[M], raw: bytes) -> M:
    try:
        return model.model_validate(json_of(raw))
    except ValidationError as error:
        raise invalid(error) from None


def _fields(sent: ItemFields) -> dict[str, Any]:
    """What was sent, by the names of Item."""
    named = sent.model_dump(exclude_unset=True, exclude={"item_id"})
    return {_FIELD_BY_NAME.get(name, name): value for name, value in named.items()}


def _checked(item: Item) -> Item:
    opens, closes = item.available_from_ms, item.available_until_ms
    if opens is not None and closes is not None and opens >= closes:
        raise BadItem(f"item {item.item_id!r}: available_from must be before available_until")
    return item


def _told(item: Item, known_from: str = "catalogue") -> Mapping[str, object]:
    return {
        "item_id": item.item_id,
        "name": item.name,
        "category": item.category,
        "brand": item.brand,
        "price": item.price,
        "stock": item.stock,
        "available_from": item.available_from_ms,
        "available_until": item.available_until_ms,
        "attributes": dict(item.attributes),
        "known_from": known_from,
    }


def _json(told: Mapping[str, object] | Sequence[object]) -> Response:
    return Response(orjson.dumps(told), media_type="application/json")
