"""Lists of an export: each customer's list by the code path of the service, and its rows in a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson
import polars as pl

from api.live.release import LiveRelease
from api.live.subject import UserHead, UserState, read_head
from api.recommendation_service import plain_query
from recsys.data.events import Event
from recsys.data.files.table_formats import Schema, TableFormat
from recsys.data.store.base import Store
from recsys.ranking.query import RecommendationList, Rows, to_json

TIME = pl.Datetime("ms", "UTC")
SCHEMA: Schema = {
    "user_id": pl.String,
    "rank": pl.Int32,
    "item_id": pl.String,
    "name": pl.String,
    "score": pl.Float64,
    "source": pl.String,
    "reason": pl.String,
    "model_version": pl.String,
    "made_at": TIME,
}


class CustomerHead(NamedTuple):
    """A customer as the store has them: the id that the export names, and what the log says of them."""

    user_id: str
    head: UserHead


class CustomerList(NamedTuple):
    """The list of one customer."""

    user_id: str
    answer: RecommendationList | Rows


@dataclass(frozen=True, slots=True)
class ListReader:
    """Makes lists as the service does.

    is_named: the customers were named one by one; else those who are gone meanwhile are left out.
    needs_consent: leaves out customers who refused marketing or personalisation.
    """

    store: Store
    release: LiveRelease
    placement: str
    k: int
    now_ms: int
    is_named: bool
    needs_consent: bool

    def heads(self, user_ids: Sequence[str]) -> list[CustomerHead]:
        """The customers who get a list."""
        heads = (CustomerHead(user_id, read_head(self.store, user_id, self.release)) for user_id in user_ids)
        return [customer for customer in heads if self._is_wanted(customer)]

    def lists(self, customers: Sequence[CustomerHead]) -> Iterator[CustomerList]:
        """The list of each, as the service answers now."""
        for user_id, head in customers:
            state = UserState.build(self.release, head)
            query = plain_query(user_id, self.placement, self.k)
            answer = query.compute(self.release, self.now_ms, self._events(state), state.subject)
            yield CustomerList(user_id, answer)

    def _events(self, state: UserState) -> Sequence[Event]:
        """The customer's events since the release, as `UserStateReader.events` gives them."""
        if state.owner is None or state.head <= self.release.log_seq:
            return ()
        return self.store.user_events(state.owner, after_seq=max(self.release.log_seq, state.forgotten))

    def _is_wanted(self, customer: CustomerHead) -> bool:
        user_id, head = customer
        if self.needs_consent and not self._may_be_contacted(head):
            return False
        return self.is_named or head.owner is None or (head.owner == user_id and not self._is_gone(customer))

    def _may_be_contacted(self, head: UserHead) -> bool:
        user = self.store.user(head.owner) if head.owner is not None else None
        return head.owner is not None and (user is None or user.consent.get("marketing", True))

    def _is_gone(self, customer: CustomerHead) -> bool:
        """Whether the customer was erased and did nothing since."""
        user_id, head = customer
        return head.forgotten > 0 and self.store.user(user_id) is None and not self.store.user_head(user_id)


def encoded(lists: Sequence[CustomerList], table_format: TableFormat, made_at_ms: int) -> bytes:
    """The lists in that format: a line for each customer as the API answers, or a row for each item."""
    if table_format.name != "jsonl":
        return table_format.encode(_frame(lists, made_at_ms))
    made_at = orjson.dumps(pl.Series([made_at_ms], dtype=pl.Int64).cast(TIME).dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")[0])
    return b"".join(
        b'{"user_id":%b,"made_at":%b,%b\n' % (orjson.dumps(user_id), made_at, orjson.dumps(to_json(answer))[1:])
        for user_id, answer in lists
    )


def _frame(lists: Sequence[CustomerList], made_at_ms: int) -> pl.DataFrame:
    rows = [
        (user_id, item.rank, item.item_id, item.name, item.score, item.source, item.reason.text, answer.model_version)
        for user_id, answer in lists
        if isinstance(answer, RecommendationList)
        for item in answer.items
    ]
    columns = {name: dtype for name, dtype in SCHEMA.items() if name != "made_at"}
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    return frame.with_columns(pl.lit(made_at_ms, pl.Int64).cast(TIME).alias("made_at"))
