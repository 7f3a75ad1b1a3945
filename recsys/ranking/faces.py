"""Faces of items: price, image, address and other fields that a storefront shows beside the name."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal, TypeVar

import numpy as np

from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.ids import MISSING
from recsys.engine.recent_buyers import MONTH_DAYS
from recsys.ranking.query import Recommendation, RecommendationList, Rows
from recsys.ranking.recommender import Recommender
from recsys.time_units import DAY_MS

FaceField = Literal["price", "image", "brand", "url", "until", "left", "proof"]
FACE_FIELDS: Final[tuple[FaceField, ...]] = ("price", "image", "brand", "url", "until", "left", "proof")
Face = dict[str, Any]

# An address on the web or a path of the shop.  Other schemes run as scripts; quotes and brackets end an attribute.
_ADDRESS = re.compile(r"(?:[Hh][Tt][Tt][Pp][Ss]?://|/(?!/))[^\s\"'<>`\\\x00-\x1f\x7f]*")
L = TypeVar("L", RecommendationList, Rows)


def item_face(recommender: Recommender, item_id: str, fields: Sequence[FaceField]) -> Face:
    """These fields of an item as JSON types, None where unknown.

    price: what the shop asks.  image, url: attributes of these names, addresses alone.  until: end of the sale, Unix
    ms.  left: units in stock, where they are counted.  proof: see `RecentBuyers.at_least`.
    """
    item = recommender.catalogue.position(item_id)
    return {name: None if item == MISSING else _value(recommender, item, name) for name in fields}


def with_faces(recommender: Recommender, lists: L, fields: Sequence[FaceField]) -> L:
    """The same list or rows, each item with these fields."""
    if not fields:
        return lists
    if isinstance(lists, Rows):
        rows = (replace(row, items=_faced(recommender, row.items, fields)) for row in lists.rows)
        return replace(lists, rows=tuple(rows))
    return replace(lists, items=_faced(recommender, lists.items, fields))


def rows_with_faces(
    recommender: Recommender, rows: Sequence[Mapping[str, Any]], fields: Sequence[FaceField]
) -> list[dict[str, Any]]:
    """The same rows as JSON types, each with these fields of its `item_id`."""
    if not fields:
        return [dict(row) for row in rows]
    return [{**row, "fields": item_face(recommender, row["item_id"], fields)} for row in rows]


def _faced(
    recommender: Recommender, items: Sequence[Recommendation], fields: Sequence[FaceField]
) -> tuple[Recommendation, ...]:
    return tuple(item._replace(fields=item_face(recommender, item.item_id, fields)) for item in items)


def _value(recommender: Recommender, item: int, name: FaceField) -> Any:
    catalogue = recommender.catalogue
    match name:
        case "price":
            return _number(catalogue.price[item]) if catalogue.is_priced[item] else None
        case "left":
            return _number(catalogue.stock[item])
        case "until":
            closes = float(catalogue.closes[item])
            return round(closes * DAY_MS) if np.isfinite(closes) else None
        case "brand":
            return catalogue.brand.words[catalogue.brand.codes[item]] or None
        case "proof":
            least = recommender.engine.recent_buyers.at_least(item)
            return None if least is None else {"at_least": least, "days": int(MONTH_DAYS)}
        case _:
            return _address(catalogue, item, name)


def _number(value: np.float32) -> float | None:
    """The shortest number that the stored one stands for: 2.19 and not 2.1900000572."""
    if np.isnan(value):
        return None
    number = float(str(value))
    return int(number) if number.is_integer() else number


def _address(catalogue: Catalogue, item: int, name: str) -> str | None:
    column = catalogue.attributes.column(name)
    text = column.text_of(item) if column is not None else None
    return text if text is not None and _ADDRESS.fullmatch(text) else None
