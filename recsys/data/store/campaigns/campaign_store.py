"""Campaigns of a store: read and written by id, drawn once, and the contacts that the cap counts."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from recsys.data.store.campaigns.campaign_table import LAST_DRAW, RECORD, CampaignTable, MemberRow
from recsys.data.store.campaigns.records import (
    Arm,
    CampaignMember,
    CampaignRecord,
    Contact,
    Mailing,
    Membership,
    MessageReport,
)

PIECE_ROWS = 20_000  # members of one transaction: some 50 ms, after which other writers get their turn
PAGE_ROWS = 20_000

_DRAWN = "JOIN campaigns ON campaigns.campaign_id = members.campaign_id AND campaigns.draw > 0"
_OWNER = "LEFT JOIN detours ON detours.user_id = members.user_id"
_MEMBERS = f"""
SELECT members.user_id, coalesce(detours.into_id, members.user_id), members.arm, members.bucket, members.stratum
FROM campaign_members AS members {_DRAWN} {_OWNER}
WHERE members.campaign_id = $1 AND members.user_id > $2 ORDER BY members.user_id LIMIT {PAGE_ROWS}
"""
_MEMBERSHIPS = f"""
SELECT members.campaign_id, members.arm, campaigns.status, campaigns.starts_ms
FROM campaign_members AS members {_DRAWN}
WHERE members.user_id = $1 OR members.user_id IN (SELECT user_id FROM detours WHERE into_id = $1)
ORDER BY campaigns.starts_ms, members.campaign_id
"""
_PLANNED = f"{RECORD} WHERE draw > 0 AND starts_ms > $1 AND starts_ms < $2"
# Of a message without a moment of sending its first report stands for it.
_MESSAGES = """
SELECT user_id, ref, at_ms FROM facts WHERE kind = 3 AND at_ms > $1 AND at_ms < $2 AND text = 'sent'
UNION ALL
SELECT user_id, ref, min(at_ms) FROM facts WHERE kind = 3 AND at_ms > $1 AND at_ms < $2
GROUP BY user_id, ref, channel HAVING max(CASE WHEN text = 'sent' THEN 1 ELSE 0 END) = 0
"""
_REPORTS = """
SELECT user_id, text, min(at_ms) FROM facts WHERE kind = 3 AND ref = $1 GROUP BY user_id, text ORDER BY user_id, text
"""
MAX_MAILINGS = 1_000
_MAILINGS = f"""
SELECT ref, min(channel), min(at_ms), count(DISTINCT user_id) FROM facts
WHERE kind = 3 AND ref IS NOT NULL AND ref NOT IN (SELECT campaign_id FROM campaigns)
GROUP BY ref ORDER BY 3 DESC, 1 LIMIT {MAX_MAILINGS}
"""


class CampaignTables(Protocol):
    """What the campaigns need of the tables of customers."""

    @property
    def campaigns(self) -> CampaignTable: ...


class CampaignStore(ABC):
    """The part of a store that keeps campaigns.  Every method raises `LogUnavailable`."""

    def campaign(self, campaign_id: str) -> CampaignRecord | None:
        """That campaign, or None."""
        rows = self._read(f"{RECORD} WHERE campaign_id = $1", campaign_id)
        return CampaignRecord._make(rows[0]) if rows else None

    def campaigns(self) -> list[CampaignRecord]:
        """All of them, the latest start first."""
        return [CampaignRecord._make(row) for row in self._read_page(f"{RECORD} ORDER BY starts_ms DESC, campaign_id")]

    def put_campaign(self, record: CampaignRecord, *, before: str | None) -> None:
        """Stores a new campaign, or replaces the one whose document is `before`.  Its draw stays as it is.

        Raises CampaignChanged when there is one already, or when it has another document by now.
        """
        with self._user_tables(1) as tables:
            tables.campaigns.put(record, before)

    def last_draw(self) -> int:
        """The place of the last draw of all campaigns, 0 before the first."""
        return int(self._read(LAST_DRAW)[0][0])

    def begin_draw(self, campaign_id: str, token: str, document: str) -> None:
        """Begins the draw of the campaign with that document, in place of one that was broken off.

        Raises CampaignChanged.
        """
        with self._user_tables(1) as tables:
            tables.campaigns.begin_draw(campaign_id, token, document)
        while self._drop_members(campaign_id, token):
            pass

    def add_members(self, rows: Sequence[MemberRow], *, token: str, log_seq: int) -> None:
        """Writes members of one campaign that count once the draw is finished, piece by piece.

        Who was erased, withdrew or was merged since that seq of the log is left out.  Raises CampaignChanged.
        """
        for first in range(0, len(rows), PIECE_ROWS):
            with self._user_tables(PIECE_ROWS) as tables:
                tables.campaigns.add_members(rows[first : first + PIECE_ROWS], token, log_seq)

    def finish_draw(self, campaign_id: str, token: str, document: str, *, last_draw: int) -> bool:
        """Makes the draw count, for ever; False if another campaign was drawn since `last_draw`: work it out anew.

        Raises CampaignChanged.
        """
        with self._user_tables(1) as tables:
            return tables.campaigns.finish_draw(campaign_id, token, document, last_draw)

    def member_pages(self, campaign_id: str) -> Iterator[list[CampaignMember]]:
        """The members of a drawn campaign by the order of the ids that were drawn, page by page.

        Two of one page or of different ones may have the same user_id: they were merged since.  Those who were erased
        or refuse personalisation are not among them.
        """
        pages = self._pages(_MEMBERS, "", campaign_id)
        return ([_member(row) for row in rows if row[1]] for rows in pages)

    def memberships(self, user_id: str) -> list[Membership]:
        """The drawn campaigns of the customer, who owns the id, the earliest start first."""
        return [
            Membership(campaign_id, Arm(arm), status, starts_ms)
            for campaign_id, arm, status, starts_ms in self._read(_MEMBERSHIPS, user_id)
        ]

    def planned_contacts(self, since_ms: int, until_ms: int) -> Iterator[Contact]:
        """The contacts that drawn campaigns plan between both moments, without their ends."""
        for record in map(CampaignRecord._make, self._read(_PLANNED, since_ms, until_ms)):
            for page in self.member_pages(record.campaign_id):
                yield from (
                    Contact(member.user_id, record.campaign_id, record.starts_ms)
                    for member in page
                    if member.arm == Arm.TREATED
                )

    def messages_between(self, since_ms: int, until_ms: int) -> list[Contact]:
        """The messages to customers between both moments, without their ends; each is one contact."""
        return [Contact._make(row) for row in self._read_page(_MESSAGES, since_ms, until_ms)]

    def message_reports(self, campaign_id: str) -> list[MessageReport]:
        """What became of the messages of the campaign, each word once for each customer."""
        return [MessageReport._make(row) for row in self._read_page(_REPORTS, campaign_id)]

    def mailings(self) -> list[Mailing]:
        """Campaigns without a plan, known by their messages, the newest first; at most MAX_MAILINGS."""
        return [Mailing._make(row) for row in self._read_page(_MAILINGS)]

    def _drop_members(self, campaign_id: str, token: str) -> int:
        with self._user_tables(PIECE_ROWS) as tables:
            return tables.campaigns.drop_members(campaign_id, token, PIECE_ROWS)

    @abstractmethod
    def _user_tables(self, n_rows: int) -> AbstractContextManager[CampaignTables]:
        """The tables of customers in one durable transaction that writes about so many rows."""

    @abstractmethod
    def _pages(self, sql: str, after: Any, *values: Any) -> Iterator[list[tuple[Any, ...]]]:
        """Rows page by page; the first column is the key that the next page starts after, the last parameter."""

    @abstractmethod
    def _read(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""

    @abstractmethod
    def _read_page(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query that may take longer."""


def _member(row: Sequence[Any]) -> CampaignMember:
    drawn_id, user_id, arm, bucket, stratum = row
    return CampaignMember(user_id, drawn_id, Arm(arm), bucket, stratum)
