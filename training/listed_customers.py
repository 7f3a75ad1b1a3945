"""Customers listed in a file of ids: their positions in a release, and the ids that it does not know."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recsys.arrays import Bools
from recsys.data.files.column_mapping import text_of
from recsys.data.files.column_names import guess_column
from recsys.data.files.readers import open_table
from recsys.data.ids import MISSING, IdMap, normalize_id
from recsys.data.store.base import Store
from recsys.errors import BadInput

CHUNK = 50_000  # rows of the file at once


@dataclass(frozen=True, slots=True)
class ListedCustomers:
    """is_member (U,): the customers of the list.  unknown: ids of the list that the release does not know."""

    is_member: Bools
    unknown: Sequence[str]


def read_members(file: Path, users: IdMap, store: Store) -> ListedCustomers:
    """The customers of a file of ids; a merged id stands for the customer it went to.  Raises BadFile, BadInput."""
    is_member, unknown = np.zeros(len(users), bool), []
    for text in dict.fromkeys(read_ids(file)):
        identity = store.identity(text)
        position = users.position(identity.owner_id)
        if position == MISSING:
            unknown.append(text)
        elif identity.is_personal:
            is_member[position] = True
    return ListedCustomers(is_member, unknown)


def read_ids(file: Path) -> Iterator[str]:
    """The ids of a file: of its column of customers, or of its only column, whose heading may be an id already."""
    table = open_table(file)
    column = guess_column("user_id", table.columns)
    if column is None and len(table.columns) > 1:
        raise BadInput(f"{file}: no column 'user_id'; it has {', '.join(table.columns)}; rename the one with the ids")
    if column is None:
        column = table.columns[0]
        yield normalize_id(column)
    for chunk in table.chunks(CHUNK):
        ids = (normalize_id(text) for text in text_of(chunk.rows[column]).drop_nulls().to_list())
        yield from (text for text in ids if text)
