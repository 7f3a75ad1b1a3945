"""Item routes: the catalogue of the shop; a change counts from the next answer on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.live.release import LiveRelease
from api.live.subject import Subject
from api.openapi.responses import BODY_ERRORS, ERRORS, ITEM_ERRORS, body_of
from api.routes.response import json_response
from api.schemas.items import ItemFields, ItemIn, ItemOut, ItemsFoundOut, ItemsIn, StoredOut
from api.schemas.params import PRINTABLE, PathId
from api.schemas.validation import parse_batch, parse_json, validated
from api.state import AppState, app_state
from api.traffic.turns import turn
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.catalogue.name_search import closeness, query_words, unlisted_items
from recsys.data.entities import Item
from recsys.data.events import Event
from recsys.data.ids import MISSING
from recsys.errors import BadItem, UnknownItem

router = APIRouter(tags=["items"])

_FIELD_BY_NAME = {"available_from": "available_from_ms", "available_until": "available_until_ms"}


@router.post(
    "/v1/items", response_model=StoredOut, responses=BODY_ERRORS, openapi_extra=body_of(ItemIn, ItemsIn, many=ItemIn)
)
async def put_items(request: Request) -> Response:
    """Stores up to 1,000 items, all or none; each replaces the stored item."""
    state = app_state(request)
    entries = parse_batch(await request.body(), "items", state.config.serve.batch_limit)
    bodies = validated(ItemsIn, {"items": entries}, where="").items
    items = [_checked(Item(body.item_id, **_fields(body))) for body in bodies]
    revision = await state.serialized(lambda: state.store.put_items(items))
    return json_response({"stored": len(items), "revision": revision})


@router.get("/v1/items:search", response_model=ItemsFoundOut, responses=ERRORS)
async def search_items(
    request: Request,
    query: Annotated[str, Query(min_length=1, max_length=200, pattern=PRINTABLE, description="words of a name or id")],
    limit: Annotated[int, Query(ge=1, le=1_000)] = 20,
    unlisted: Annotated[bool, Query(description="adds the stored items that are never shown")] = False,
) -> Response:
    """The listed items whose id, name or category holds every word, whatever its case, the closest first."""
    state = app_state(request)

    def compute(release: LiveRelease, _now_ms: int, _events: Sequence[Event], _subject: Subject) -> dict[str, Any]:
        catalogue = release.recommender.catalogue
        matching = state.name_search.search(catalogue, query, limit)
        rows = [_matching_item(catalogue, at) for at in matching.positions]
        others = [_unlisted_item(item) for item in _unlisted(state, catalogue, query)] if unlisted else []
        if others:
            rows = sorted([*rows, *others], key=lambda row: closeness(query, row["item_id"], row["name"]))[:limit]
        return {"total": matching.total + len(others), "items": rows}

    async with turn(state.population_slots, request.receive):
        return json_response(await state.recommendations.compute_once(None, compute, in_thread=True))


@router.get("/v1/items/{item_id:path}", response_model=ItemOut, responses=ITEM_ERRORS)
async def read_item(request: Request, item_id: PathId) -> Response:
    """The item as it is stored, also one known from events only.  404 for a deleted or an unknown item."""
    state = app_state(request)
    return json_response(await state.serialized(lambda: _read(state, item_id)))


@router.put(
    "/v1/items/{item_id:path}", response_model=ItemOut, responses=ITEM_ERRORS, openapi_extra=body_of(ItemFields)
)
async def put_item(request: Request, item_id: PathId) -> Response:
    """Stores the item; a field that is left out becomes unknown."""
    body = validated(ItemFields, parse_json(await request.body()))
    item = _checked(Item(item_id, **_fields(body)))
    state = app_state(request)
    await state.serialized(lambda: state.store.put_items([item]))
    return json_response(_to_json(item))


@router.patch(
    "/v1/items/{item_id:path}", response_model=ItemOut, responses=ITEM_ERRORS, openapi_extra=body_of(ItemFields)
)
async def change_item(request: Request, item_id: PathId) -> Response:
    """Changes only the named fields; null makes a field unknown.  Attributes are merged by name."""
    state = app_state(request)
    body = validated(ItemFields, parse_json(await request.body()))
    item = await state.serialized(lambda: _changed(state, item_id, _fields(body)))
    return json_response(_to_json(item))


@router.delete("/v1/items/{item_id:path}", status_code=204, responses=ITEM_ERRORS)
async def delete_item(request: Request, item_id: PathId) -> Response:
    """Takes the item out of every answer; its events stay."""
    state = app_state(request)
    await state.serialized(lambda: _deleted(state, item_id))
    return Response(status_code=204)


def _unlisted(state: AppState, catalogue: Catalogue, query: str) -> list[Item]:
    words = query_words(query)
    stored = state.store.items_with_word(max(words, key=len)) if words else []
    return unlisted_items(stored, catalogue, query)


def _unlisted_item(item: Item) -> Mapping[str, Any]:
    fields = {name: getattr(item, name) for name in ("item_id", "name", "category", "brand", "price")}
    return fields | {"is_listed": False}


def _matching_item(catalogue: Catalogue, at: int) -> Mapping[str, Any]:
    price = float(catalogue.price[at])
    words = {name: getattr(catalogue, name).words[getattr(catalogue, name).codes[at]] for name in ("category", "brand")}
    labels = {"item_id": catalogue.item_id(at), "name": catalogue.name(at)}
    return {
        **labels,
        **{name: word or None for name, word in words.items()},
        "price": None if price != price else price,
        "is_listed": True,
    }


def _changed(state: AppState, item_id: str, fields: dict[str, Any]) -> Item:
    before = _known(state, item_id)
    if "attributes" in fields:
        fields["attributes"] = {**before.attributes, **fields["attributes"]}
    item = _checked(replace(before, **fields))
    state.store.put_items([item])
    return item


def _deleted(state: AppState, item_id: str) -> None:
    _known(state, item_id)
    state.store.put_items([Item(item_id, deleted=True)])


def _read(state: AppState, item_id: str) -> Mapping[str, object]:
    stored = state.store.item(item_id)
    return _to_json(_known_item(state, item_id, stored), known_from="events" if stored is None else "catalogue")


def _known(state: AppState, item_id: str) -> Item:
    """The stored item, or one without fields when only its events are known.  Raises UnknownItem."""
    return _known_item(state, item_id, state.store.item(item_id))


def _known_item(state: AppState, item_id: str, stored: Item | None) -> Item:
    if stored is not None and not stored.deleted:
        return stored
    release = state.releases.now
    if stored is None and release is not None and release.recommender.catalogue.position(item_id) != MISSING:
        return Item(item_id)
    raise UnknownItem(f"no item {item_id!r}; PUT /v1/items/{{item_id}} makes one")


def _fields(body: ItemFields) -> dict[str, Any]:
    """The fields that were sent, by the names of Item."""
    fields = body.model_dump(exclude_unset=True, exclude={"item_id"})
    return {_FIELD_BY_NAME.get(name, name): value for name, value in fields.items()}


def _checked(item: Item) -> Item:
    opens, closes = item.available_from_ms, item.available_until_ms
    if opens is not None and closes is not None and opens >= closes:
        raise BadItem(f"item {item.item_id!r}: available_from must be before available_until")
    return item


def _to_json(item: Item, known_from: str = "catalogue") -> Mapping[str, object]:
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
        "cost": item.cost,
        "known_from": known_from,
    }
