"""Serialization of items and customers: the JSON documents that a store keeps."""

from collections.abc import Mapping
from typing import Any

import orjson

from recsys.data.entities import Item, User
from recsys.data.store.validation import check_item, check_user
from recsys.errors import BadInput, BadItem


def item_document(item: Item) -> bytes:
    """The item as JSON.  Raises BadItem."""
    check_item(item)
    try:
        return orjson.dumps(item, default=_to_dict)
    except orjson.JSONEncodeError as error:
        raise BadItem(f"item {item.item_id!r}: cannot be written as JSON: {error}") from None


def user_document(user: User) -> bytes:
    """The customer as JSON.  Raises BadInput."""
    check_user(user)
    try:
        return orjson.dumps(user, default=_to_dict)
    except orjson.JSONEncodeError as error:
        raise BadInput(f"user {user.user_id!r}: cannot be written as JSON: {error}") from None


def parse_item(document: bytes | str) -> Item:
    return Item(**orjson.loads(document))


def parse_user(document: bytes | str) -> User:
    return User(**orjson.loads(document))


def json_text(text: str) -> str:
    """The text as it stands in a document, without quotes; a text that no document holds stays as it is."""
    try:
        return orjson.dumps(text).decode()[1:-1]
    except orjson.JSONEncodeError:
        return text


def _to_dict(value: object) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"no JSON for {type(value).__name__}")
