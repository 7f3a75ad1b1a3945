"""Customer filter: the customers whose attributes pass a filter expression, page by page."""

from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import groupby, islice
from operator import itemgetter

from recsys.data.catalogue.attributes import AttributeValue
from recsys.data.entities import User
from recsys.data.store.base import Store
from recsys.errors import BadInput
from recsys.ranking.filters.expression import ATTRIBUTE, AllOf, Where, build_where, joined, one_of
from recsys.ranking.filters.values import FIELDS
from recsys.ranking.segments.attributes import attributes_passing, filter_fields, witnesses

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
    if fields := sorted(FIELDS.keys() & set(filter_fields(where.expression))):
        raise BadInput(
            f"{fields[0]!r} is a field of items; a customer's attribute of that name is {ATTRIBUTE}{fields[0]}"
        )
    known = [*witnesses(user.attributes for user in store.users())]
    if not known:
        raise BadInput("no customer has attributes; give some with `recsys import users`")
    customers = all_customers(store)
    while page := list(islice(customers, PAGE_CUSTOMERS)):
        # The witnesses make each attribute known to every page, whoever is on it.
        mask = attributes_passing([*(user.attributes for user in page), *known], where)[: len(page)]
        yield from (page[at] for at in mask.nonzero()[0])


def segment_filter(values_by_attribute: Mapping[str, Sequence[str]], where: Where | None = None) -> Where:
    """Customers with one of the values of each attribute, as the segment of a rule, who pass the other filter, too."""
    parts = [one_of(ATTRIBUTE + name, _readings(values)) for name, values in values_by_attribute.items()]
    return build_where(joined(AllOf, [*parts, *([where.expression] if where is not None else [])]))


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
