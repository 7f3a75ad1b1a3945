"""Merges in a store: two ids become one customer, piece by piece, and a merge is taken back."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from recsys.data.store.identity import Receipt, UnfinishedChange, parse_change
from recsys.data.store.people.merges import begin_merge, begin_unmerge, end_merge, merge_piece, unmerge_piece
from recsys.data.store.people.user_tables import MERGED_IDS, PIECE_ROWS, UNFINISHED, UserTables
from recsys.errors import BadInput

MAX_PAUSE_S = 0.05

Piece = Callable[[UserTables, UnfinishedChange], UnfinishedChange]


class MergeStore(ABC):
    """The part of a store that merges customers.  Every method raises `LogUnavailable`."""

    def merged_ids(self, user_id: str) -> list[str]:
        """The ids that were merged into this one, in order."""
        return [merged_id for (merged_id,) in self._read(MERGED_IDS, user_id)]

    def merge_users(self, from_id: str, into_id: str) -> Receipt | None:
        """Makes them one customer with the id into_id: events move, and so do attributes that into_id does not have.

        None when they were one customer already.  Raises BadInput when both ids are equal, or when from_id was merged
        into another customer.
        """
        if from_id == into_id:
            raise BadInput(f"from and into are both {into_id!r:.80}; name two ids of one customer")
        self._finish_unmerges()
        with self._user_tables(PIECE_ROWS) as tables:
            change = begin_merge(tables, from_id, into_id)
        if change is None:
            return None
        return self._finished(self._in_pieces(change, merge_piece))

    def unmerge_user(self, user_id: str) -> Receipt:
        """Takes back the merge of that id: it is a customer of its own again, as if it had never been merged.

        Events and facts return to the id that they were sent for, also those that came after the merge.  Attributes
        that the customer took over and did not change since go back.  What was deleted meanwhile stays deleted.
        Raises BadInput for an id that is not merged, and for a merge of an earlier build, which kept no record.
        """
        with self._user_tables(PIECE_ROWS) as tables:
            change = begin_unmerge(tables, user_id)
        return self._finished(self._in_pieces(change, unmerge_piece))

    def unfinished_changes(self) -> list[UnfinishedChange]:
        """Erasures and merges that did not end yet, or were broken off."""
        return [parse_change(document) for (document,) in self._read(UNFINISHED)]

    def _finish_unmerges(self) -> None:
        """Ends merges whose taking back was broken off: until then events of two customers stand under one id."""
        for change in self.unfinished_changes():
            if change.receipt.kind == "unmerge":
                self._finished(self._in_pieces(change, unmerge_piece))

    def _finished(self, change: UnfinishedChange) -> Receipt:
        with self._user_tables(1) as tables:
            return end_merge(tables, change)

    def _in_pieces(self, change: UnfinishedChange, piece: Piece) -> UnfinishedChange:
        """Runs the piece in transactions of its own until it counts nothing more.

        After each one other writers get as much time as it took.
        """
        while True:
            started = time.monotonic()
            with self._user_tables(PIECE_ROWS) as tables:
                after = piece(tables, change)
            if after.receipt.counts == change.receipt.counts:
                return after
            change = after
            time.sleep(min(time.monotonic() - started, MAX_PAUSE_S))

    @abstractmethod
    def _user_tables(self, n_rows: int) -> AbstractContextManager[UserTables]:
        """The tables of customers in one durable transaction that writes about so many rows."""

    @abstractmethod
    def _read(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
