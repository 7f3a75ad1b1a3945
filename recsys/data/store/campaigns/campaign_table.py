"""Tables of campaigns inside one transaction: drafts by compare and swap, and a draw that is written piece by piece.

The rows of a draw that goes on count for nothing until its last, short transaction: other writers never wait long,
and of two draws at once the second is worked out anew with the contacts of the first.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from recsys.data.store.campaigns.records import Arm, CampaignRecord
from recsys.errors import CampaignChanged

# draw: the place among all draws, 0 before.  drawing: the token of a draw that goes on.
SQLITE_SCHEMA = """
CREATE TABLE campaigns(
    campaign_id TEXT PRIMARY KEY, status TEXT NOT NULL, starts_ms INTEGER NOT NULL, draw INTEGER NOT NULL,
    drawing TEXT NOT NULL, document TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE campaign_members(
    campaign_id TEXT NOT NULL, user_id TEXT NOT NULL, arm INTEGER NOT NULL, bucket INTEGER NOT NULL,
    stratum TEXT NOT NULL, PRIMARY KEY(campaign_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX campaign_members_by_user ON campaign_members(user_id);
"""
POSTGRES_SCHEMA = """
CREATE TABLE IF NOT EXISTS recsys.campaigns(
    campaign_id text COLLATE "C" PRIMARY KEY, status text NOT NULL, starts_ms bigint NOT NULL, draw bigint NOT NULL,
    drawing text NOT NULL, document text NOT NULL
);
CREATE TABLE IF NOT EXISTS recsys.campaign_members(
    campaign_id text COLLATE "C" NOT NULL, user_id text COLLATE "C" NOT NULL, arm smallint NOT NULL,
    bucket integer NOT NULL, stratum text NOT NULL, PRIMARY KEY(campaign_id, user_id)
);
CREATE INDEX IF NOT EXISTS campaign_members_by_user ON recsys.campaign_members(user_id);
"""
RECORD = "SELECT campaign_id, status, starts_ms, draw, document FROM campaigns"
LAST_DRAW = "SELECT coalesce(max(draw), 0) FROM campaigns"

_PUT = """
INSERT INTO campaigns VALUES($1, $2, $3, 0, '', $4) ON CONFLICT (campaign_id) DO NOTHING RETURNING campaign_id
"""
_CHANGE = """
UPDATE campaigns SET status = $1, starts_ms = $2, document = $3, drawing = ''
WHERE campaign_id = $4 AND document = $5 RETURNING campaign_id
"""
_BEGIN = """
UPDATE campaigns SET drawing = $1 WHERE campaign_id = $2 AND draw = 0 AND document = $3 RETURNING campaign_id
"""
_IS_DRAWING = "SELECT 1 FROM campaigns WHERE campaign_id = $1 AND drawing = $2"
_FINISH = f"""
UPDATE campaigns SET status = 'drawn', drawing = '', document = $1, draw = ({LAST_DRAW}) + 1
WHERE campaign_id = $2 AND drawing = $3 RETURNING draw
"""
_DROP_PIECE = """
DELETE FROM campaign_members WHERE campaign_id = $1 AND user_id IN (
    SELECT user_id FROM campaign_members WHERE campaign_id = $1 LIMIT $2
) RETURNING user_id
"""
_FORGET = "DELETE FROM campaign_members WHERE user_id = $1 RETURNING user_id"
_GONE = "SELECT digest FROM forgotten WHERE seq > $1"

MemberRow = tuple[str, str, Arm, int, str]  # campaign_id, user_id, arm, bucket, stratum


class CampaignTransaction(Protocol):
    """What the campaigns need of the transaction that they are written in, see `UserTables`."""

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]: ...
    @property
    def digest(self) -> Callable[[str], bytes]: ...
    def insert_members(self, rows: Sequence[MemberRow]) -> None: ...


class CampaignTable:
    """The campaigns of one transaction of `UserTables`."""

    def __init__(self, tables: CampaignTransaction) -> None:
        self._tables = tables

    def put(self, record: CampaignRecord, before: str | None) -> None:
        """See `CampaignStore.put_campaign`."""
        name, state = record.campaign_id, (record.status, record.starts_ms, record.document)
        rows = self._tables.rows
        if not (rows(_PUT, name, *state) if before is None else rows(_CHANGE, *state, name, before)):
            raise _changed(record.campaign_id)

    def begin_draw(self, campaign_id: str, token: str, document: str) -> None:
        """From now on only the draw with this token writes members.  Raises CampaignChanged."""
        if not self._tables.rows(_BEGIN, token, campaign_id, document):
            raise _changed(campaign_id)

    def drop_members(self, campaign_id: str, token: str, limit: int) -> int:
        """Deletes the first members that an earlier draw left behind."""
        self._check_token(campaign_id, token)
        return len(self._tables.rows(_DROP_PIECE, campaign_id, limit))

    def add_members(self, rows: Sequence[MemberRow], token: str, log_seq: int) -> None:
        """Writes members, without those who were erased, withdrew or were merged since that seq of the log."""
        self._check_token(rows[0][0], token)
        gone = {bytes(digest) for (digest,) in self._tables.rows(_GONE, log_seq)}
        self._tables.insert_members([row for row in rows if not gone or self._tables.digest(row[1]) not in gone])

    def finish_draw(self, campaign_id: str, token: str, document: str, last_draw: int) -> bool:
        """Makes the draw count; False, and nothing is done, if another campaign was drawn since `last_draw`."""
        self._check_token(campaign_id, token)
        if self._tables.rows(LAST_DRAW)[0][0] != last_draw:
            return False
        return bool(self._tables.rows(_FINISH, document, campaign_id, token))

    def forget(self, user_ids: Iterable[str]) -> int:
        """Deletes the memberships of these ids; what was counted at the draw stays."""
        return sum(len(self._tables.rows(_FORGET, user_id)) for user_id in user_ids)

    def _check_token(self, campaign_id: str, token: str) -> None:
        if not self._tables.rows(_IS_DRAWING, campaign_id, token):
            raise _changed(campaign_id)


def _changed(campaign_id: str) -> CampaignChanged:
    return CampaignChanged(f"campaign {campaign_id!r:.80} was changed or drawn meanwhile; read it again")
