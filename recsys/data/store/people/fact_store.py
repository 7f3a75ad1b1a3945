"""Facts in a store: added by the contract of events, read by customer or by kind, deleted by age."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple

from recsys.data.facts import Fact, FactKind
from recsys.data.store.identity import AppendResult
from recsys.data.store.people.fact_table import COUPONS, FIELDS
from recsys.data.store.people.fact_validation import check_facts

if TYPE_CHECKING:
    from recsys.data.store.people.user_tables import UserTables

PIECE_ROWS = 200  # of one transaction: a few milliseconds, after which other writers get their turn
PAGE_ROWS = 10_000
MAX_PAUSE_S = 0.05

_OF_USER = f"SELECT {FIELDS} FROM facts WHERE user_id = $1 ORDER BY at_ms DESC, nth DESC LIMIT $2"
_PAGES_OF_USER = f"SELECT nth, {FIELDS} FROM facts WHERE user_id = $1 AND nth > $2 ORDER BY nth LIMIT {PAGE_ROWS}"
_PAGES = f"SELECT nth, {FIELDS} FROM facts WHERE nth > $1 ORDER BY nth LIMIT {PAGE_ROWS}"
_RECOMMENDATIONS = f"""
SELECT nth, {FIELDS} FROM facts WHERE nth > $1 AND (kind = 6 OR kind = 2 AND ref = 'nps') ORDER BY nth LIMIT {PAGE_ROWS}
"""
_RECOMMENDATIONS_OF_USER = f"""
SELECT {FIELDS} FROM facts WHERE user_id = $1 AND (kind = 6 OR kind = 2 AND ref = 'nps') ORDER BY at_ms, nth
"""
_LOYALTY = (
    f"SELECT nth, {FIELDS} FROM facts WHERE nth > $1 AND kind = {int(FactKind.LOYALTY)} ORDER BY nth LIMIT {PAGE_ROWS}"
)
_COUPON_FACTS = f"""
SELECT nth, {FIELDS} FROM facts WHERE nth > $1 AND kind = 4 AND at_ms >= $2 AND at_ms < $3
ORDER BY nth LIMIT {PAGE_ROWS}
"""
_COUNT_OLD = "SELECT count(*) FROM facts WHERE kind <> 8 AND at_ms < $1"
_CONTACTED = "SELECT DISTINCT user_id FROM facts WHERE kind = 3 AND at_ms >= $1"
_SEARCHES = """
SELECT lower(trim(text)) AS query, count(*) AS searches, count(DISTINCT user_id) AS customers FROM facts
WHERE kind = 1 AND value = 0 AND at_ms >= $1 AND at_ms < $2
GROUP BY lower(trim(text)) ORDER BY searches DESC, query LIMIT $3
"""
# Of several answers of a customer to one survey the last counts.
_SCORES = """
SELECT ref, value, count(*) FROM (
    SELECT ref, value, row_number() OVER (PARTITION BY ref, user_id ORDER BY at_ms DESC, nth DESC) AS age
    FROM facts WHERE kind = 2 AND at_ms >= $1 AND at_ms < $2
) AS answers WHERE age = 1 GROUP BY ref, value ORDER BY ref, value
"""
_COUPONS = COUPONS.format(which="nth > 0")
_DELETED_COUPONS = "SELECT digest, what, n, money, without_money FROM deleted_coupons ORDER BY digest, what"


class CouponTotal(NamedTuple):
    """How often a code was given or redeemed; money: of all that say it, without_money: how many do not."""

    code: str
    what: str
    n: int
    money: float
    without_money: int


class FactStore(ABC):
    """The part of a store that keeps facts.  Every method raises `LogUnavailable`."""

    def add_facts(self, facts: Sequence[Fact]) -> list[AppendResult]:
        """Stores them durably before it returns: True if stored, False if the same fact was there already.

        A `Conflict` if another fact with that id was there.  None if the fact is not kept: the customer does not
        consent to personalisation, or was erased after its time; statements of consent need no consent.  A statement
        of consent counts for its customer, unless a later one about the same purpose and channel is known.
        Raises BadEvent for a fact that cannot be kept; then none is stored.
        """
        check_facts(facts)
        if not facts:
            return []
        with self._user_tables(len(facts)) as tables:
            return tables.facts.add(facts)

    def user_facts(self, user_id: str, *, newest: int = 1_000) -> list[Fact]:
        """The newest facts of the customer, oldest first by (at_ms, order of arrival)."""
        return [Fact._make(row) for row in reversed(self._read(_OF_USER, user_id, newest))]

    def fact_pages(self, user_id: str | None = None) -> Iterator[list[Fact]]:
        """All facts of the customer, or of everybody, in order of arrival, page by page."""
        pages = self._pages(_PAGES, 0) if user_id is None else self._pages(_PAGES_OF_USER, 0, user_id)
        return ([Fact._make(row[1:]) for row in rows] for rows in pages)

    def contacted_since(self, since_ms: int) -> set[str]:
        """The customers with a message since that moment, whatever became of it."""
        return {user_id for (user_id,) in self._read_page(_CONTACTED, since_ms)}

    def recommendation_facts(self, user_id: str | None = None) -> list[Fact]:
        """Referrals and NPS answers of the customer, or of everybody, the oldest first by (at_ms, order of arrival)."""
        if user_id is not None:
            return [Fact._make(row) for row in self._read(_RECOMMENDATIONS_OF_USER, user_id)]
        facts = (Fact._make(row[1:]) for rows in self._pages(_RECOMMENDATIONS, 0) for row in rows)
        return sorted(facts, key=lambda fact: fact.at_ms)

    def loyalty_facts(self) -> list[Fact]:
        """Balances and tiers of everybody, in order of arrival."""
        return [Fact._make(row[1:]) for rows in self._pages(_LOYALTY, 0) for row in rows]

    def vain_searches(self, since_ms: int, until_ms: int, newest: int) -> list[tuple[str, int, int]]:
        """The searches without a result: query in lower case, how often, and by how many customers; most first."""
        return [(query, n, customers) for query, n, customers in self._read_page(_SEARCHES, since_ms, until_ms, newest)]

    def survey_scores(self, since_ms: int, until_ms: int) -> dict[str, dict[float, int]]:
        """How many customers gave each score to each survey; of several answers the last counts."""
        scores: dict[str, dict[float, int]] = {}
        for ref, value, n in self._read_page(_SCORES, since_ms, until_ms):
            scores.setdefault(ref, {})[value] = n
        return scores

    def coupon_totals(self, codes: Iterable[str]) -> list[CouponTotal]:
        """How often each of these codes was given and redeemed, and for how much money, deleted facts included.

        A code may have several rows.  Deleted coupons are known by the digest of their code alone.
        """
        known = {self.digest(code).hex(): code for code in codes}
        deleted = [(known.get(digest), *sums) for digest, *sums in self._read_page(_DELETED_COUPONS)]
        rows = [*self._read_page(_COUPONS), *deleted]
        return [CouponTotal._make(row) for row in rows if row[0] in known.values()]

    def coupon_facts(self, since_ms: int, until_ms: int) -> list[Fact]:
        """Coupons that were given or redeemed from that moment until before the other, in order of arrival."""
        pages = self._pages(_COUPON_FACTS, 0, since_ms, until_ms)
        return [Fact._make(row[1:]) for rows in pages for row in rows]

    def count_aged_facts(self, before_ms: int) -> int:
        """How many facts are older than that, without statements of consent."""
        return int(self._read_page(_COUNT_OLD, before_ms)[0][0])

    def delete_aged_facts(self, before_ms: int) -> int:
        """Deletes them, and returns how many; after each piece other writers get as much time as it took."""
        n_deleted = 0
        for kind in set(FactKind) - {FactKind.CONSENT}:
            while n_piece := self._drop_piece(int(kind), before_ms, is_first=n_deleted == 0):
                n_deleted += n_piece
        return n_deleted

    def _drop_piece(self, kind: int, before_ms: int, *, is_first: bool) -> int:
        started = time.monotonic()
        with self._user_tables(PIECE_ROWS) as tables:
            n_deleted = tables.facts.drop_older(kind, before_ms, PIECE_ROWS)
        if n_deleted and is_first:
            self._begin_expiry()
        time.sleep(min(time.monotonic() - started, MAX_PAUSE_S) if n_deleted else 0)
        return n_deleted

    @abstractmethod
    def _user_tables(self, n_rows: int) -> "AbstractContextManager[UserTables]":
        """The tables of customers in one durable transaction that writes about so many rows."""

    @abstractmethod
    def digest(self, user_id: str) -> bytes:
        """The keyed digest of a text."""

    @abstractmethod
    def _pages(self, sql: str, after: Any, *values: Any) -> Iterator[list[tuple[Any, ...]]]:
        """Rows page by page; the first column is the key that the next page starts after, the last parameter."""

    @abstractmethod
    def _read(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""

    @abstractmethod
    def _read_page(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query that may take longer."""

    @abstractmethod
    def _begin_expiry(self) -> None:
        """Takes the next number of the log for a deletion by age."""
