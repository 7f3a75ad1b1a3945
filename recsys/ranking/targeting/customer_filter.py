"""Customer filter: the customers whose attributes pass a filter expression, page by page."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import groupby, islice
from operator import itemgetter

from recsys.data.catalogue.attributes import AttributeValue
from recsys.data.catalogue.catalogue import build_catalogue
from recsys.data.entities import Item, User
from recsys.data.ids import IdMap
from recsys.data.store.base import Store
from recsys.errors import BadInput, UnknownAttribute
from recsys.ranking.filters.eligibility import passing
from recsys.ranking.filters.expression import (
    ATTRIBUTE,
    AllOf,
    AnyOf,
    Condition,
    FilterExpression,
    Not,
    Where,
    build_where,
    joined,
    one_of,
)
from recsys.ranking.filters.values import FIELDS

PAGE_CUSTOMERS = 10_000


def all_customers(store: Store) -> Iterator[User]:
    """Every customer who has a record or an event, in order of user_id; without a record, without attributes."""
    records = ((user.user_id, user) for user in store.users())
    owners = ((owner_id, None) for owner_id in store.event_owner_ids())
    for user_id, entries in groupby(merge(records, owners, key=itemgetter(0)), key=itemgetter(0)):
        yield next((user for _, user in entries if user is not None), User(user_id))


def matching_customers(store: Store, where: Where) -> Iterator[User]:
    """The customers whose attributes pass the filter, in order of user_id.

    Raises BadInput for an attribute that no customer has, or a comparison with another kind of value.
    """
    if fields := sorted(FIELDS.keys() & _fields(where.expression)):
        raise BadInput(
            f"{fields[0]!r} is a field of items; a customer's attribute of that name is {ATTRIBUTE}{fields[0]}"
        )
    witnesses = [*_witnesses(store.users())]
    if not witnesses:
        raise BadInput("no customer has attributes; give some with `recsys import users`")
    customers = all_customers(store)
    while page := list(islice(customers, PAGE_CUSTOMERS)):
        # The witnesses make each attribute known to every page, whoever is on it.
        yield from (page[at] for at in _passing([*page, *witnesses], where) if at < len(page))


def segment_filter(values_by_attribute: Mapping[str, Sequence[str]], where: Where | None = None) -> Where:
    """Customers with one of the values of each attribute, as the segment of a rule, who pass the other filter, too."""
    parts = [one_of(ATTRIBUTE + name, _readings(values)) for name, values in values_by_attribute.items()]
    return build_where(joined(AllOf, [*parts, *([where.expression] if where is not None else [])]))


def _fields(expression: FilterExpression) -> Iterator[str]:
    match expression:
        case Condition(field):
            yield field
        case Not(part):
            yield from _fields(part)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from _fields(part)


def _readings(values: Sequence[str]) -> Iterator[AttributeValue]:
    """Each value as text, and as the number or boolean that it may stand for."""
    for value in values:
        yield value
        if value in ("true", "false"):
            yield value == "true"
        try:
            yield float(value)
        except ValueError:
            continue


def _witnesses(users: Iterable[User]) -> Iterator[User]:
    """A customer for each attribute and kind of value that any customer has, with nothing but that."""
    seen = set()
    for user in users:
        for name, value in user.attributes.items():
            if (kind := (name, type(value))) not in seen:
                seen.add(kind)
                yield User("", {name: value})


def _passing(users: Sequence[User], where: Where) -> list[int]:
    """The places of those who pass: for a filter, customers are items with the same attributes."""
    ids = IdMap.from_ids(f"{at:09d}" for at in range(len(users)))
    items = (Item(f"{at:09d}", attributes=user.attributes) for at, user in enumerate(users))
    try:
        mask = passing(where, build_catalogue(ids, items, {}), 0.0).mask
    except UnknownAttribute as error:
        raise BadInput(f"{error}".replace("no item", "no customer")) from None
    return [int(at) for at in mask.nonzero()[0]]
