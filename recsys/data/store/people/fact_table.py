"""Table of facts inside one transaction: insertion by the contract of events, moves of a merge, and deletion."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import orjson

from recsys.data.entities import User, consent_key
from recsys.data.facts import Fact, FactKind, fact_content_id
from recsys.data.store.identity import DISCARDED, AppendResult, Conflict

# nth: the order of arrival.  sent_for: the id under which it was sent, null if that is user_id.
SQLITE_SCHEMA = """
CREATE TABLE facts(
    nth INTEGER PRIMARY KEY, fact_id TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL, kind INTEGER NOT NULL,
    at_ms INTEGER NOT NULL, value REAL, text TEXT, ref TEXT, channel TEXT, sent_for TEXT
) STRICT;
CREATE INDEX facts_by_user ON facts(user_id, at_ms);
CREATE INDEX facts_by_kind ON facts(kind, at_ms);
CREATE INDEX facts_by_referral ON facts(ref) WHERE kind = 6;
"""
BEFORE_HISTORY = "an answer from before answers were dated"  # of a consent: at_ms is when its log was upgraded
# Consents that a log of an earlier build holds, so that each has a date: an older statement never replaces it.
SQLITE_CONSENTS = f"""
INSERT INTO facts(fact_id, user_id, kind, at_ms, value, text, ref)
SELECT 'consent-' || users.user_id || '-' || given.key, users.user_id, {int(FactKind.CONSENT)},
    CAST(unixepoch('subsec') * 1000 AS INTEGER), given.value, '{BEFORE_HISTORY}', given.key
FROM users, json_each(CAST(users.document AS TEXT), '$.consent') AS given;
"""
POSTGRES_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS recsys.facts(
    nth bigint PRIMARY KEY, fact_id text COLLATE "C" NOT NULL UNIQUE, user_id text COLLATE "C" NOT NULL,
    kind smallint NOT NULL, at_ms bigint NOT NULL, value double precision, text text, ref text, channel text,
    sent_for text
);
CREATE INDEX IF NOT EXISTS facts_by_user ON recsys.facts(user_id, at_ms);
CREATE INDEX IF NOT EXISTS facts_by_kind ON recsys.facts(kind, at_ms);
CREATE INDEX IF NOT EXISTS facts_by_referral ON recsys.facts(ref) WHERE kind = 6;
INSERT INTO recsys.facts(nth, fact_id, user_id, kind, at_ms, value, text, ref)
SELECT row_number() OVER (ORDER BY users.user_id, given.key), 'consent-' || users.user_id || '-' || given.key,
    users.user_id, {int(FactKind.CONSENT)}, (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
    CASE given.value WHEN 'true' THEN 1 ELSE 0 END, '{BEFORE_HISTORY}', given.key
FROM recsys.users, json_each_text(users.document::json -> 'consent') AS given
WHERE (SELECT max(version) FROM recsys.version) < 8 AND NOT EXISTS (SELECT FROM recsys.facts);
"""
# Coupons whose facts were deleted, so that no budget rises again.  digest: of the code, which may be one of a customer.
SQLITE_COUPONS = """
CREATE TABLE deleted_coupons(
    digest TEXT NOT NULL, what TEXT NOT NULL, n INTEGER NOT NULL, money REAL NOT NULL, without_money INTEGER NOT NULL,
    PRIMARY KEY(digest, what)
) STRICT, WITHOUT ROWID;
"""
POSTGRES_COUPONS = """
CREATE TABLE IF NOT EXISTS recsys.deleted_coupons(
    digest text COLLATE "C" NOT NULL, what text COLLATE "C" NOT NULL, n bigint NOT NULL,
    money double precision NOT NULL, without_money bigint NOT NULL, PRIMARY KEY(digest, what)
);
"""
COLUMNS = ("nth", *Fact._fields, "sent_for")
FIELDS = ", ".join(Fact._fields)

_LAST = "SELECT coalesce(max(nth), 0) FROM facts"
_KNOWN = f"SELECT {FIELDS} FROM facts WHERE fact_id IN"
_NEWER = """
SELECT EXISTS (SELECT 1 FROM facts WHERE user_id = $1 AND kind = 8 AND ref = $2 AND coalesce(channel, '') = $3
    AND at_ms > $4)
"""
_LATEST = f"SELECT {FIELDS} FROM facts WHERE user_id = $1 AND kind = 8 ORDER BY at_ms, nth"
_MOVE = """
UPDATE facts SET user_id = $1, sent_for = coalesce(sent_for, user_id)
WHERE nth IN (SELECT nth FROM facts WHERE user_id = $2 AND kind <> 8 ORDER BY nth LIMIT $3) RETURNING nth
"""
_FIRST = "nth IN (SELECT nth FROM facts WHERE user_id = $1 ORDER BY nth LIMIT $2)"
_DELETE = f"DELETE FROM facts WHERE {_FIRST} RETURNING nth"
_GIVE_BACK = f"""
UPDATE facts SET user_id = $1, sent_for = CASE WHEN sent_for = $1 THEN NULL ELSE sent_for END
WHERE user_id = $2 AND sent_for = $3 RETURNING {FIELDS}
"""
_WITHDRAW = "DELETE FROM facts WHERE user_id = $1 AND kind <> 8"
_FORGET_REFERRAL = "UPDATE facts SET ref = NULL WHERE kind = 6 AND ref = $1"
_OLDEST = "nth IN (SELECT nth FROM facts WHERE kind = $1 AND at_ms < $2 ORDER BY at_ms LIMIT $3)"
_DROP_OLD = f"DELETE FROM facts WHERE {_OLDEST} RETURNING nth"
COUPONS = """
SELECT ref, text, count(*), coalesce(sum(value), 0), count(*) - count(value) FROM facts
WHERE kind = 4 AND {which} GROUP BY ref, text ORDER BY ref, text
"""
_KEEP_COUPONS = """
INSERT INTO deleted_coupons VALUES($1, $2, $3, $4, $5) ON CONFLICT (digest, what) DO UPDATE SET
    n = deleted_coupons.n + excluded.n, money = deleted_coupons.money + excluded.money,
    without_money = deleted_coupons.without_money + excluded.without_money
"""


class FactTransaction(Protocol):
    """What the facts need of the transaction that they are written in, see `UserTables`."""

    TEXTS: ClassVar[str]

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]: ...
    @property
    def execute(self) -> Callable[[str, Sequence[Any]], Any]: ...
    def event_owners(self, events: Sequence[Fact]) -> list[str] | None: ...
    def erased_ms(self, events: Sequence[Fact]) -> dict[str, int]: ...
    @property
    def digest(self) -> Callable[[str], bytes]: ...
    def owner_id(self, user_id: str) -> str | None: ...
    def user(self, user_id: str) -> User | None: ...
    def put_users(self, users: Sequence[User]) -> None: ...
    def insert_facts(self, rows: Sequence[tuple[Any, ...]]) -> None: ...


class FactTable:
    """The facts of one transaction of `UserTables`."""

    def __init__(self, tables: FactTransaction) -> None:
        self._tables = tables

    def add(self, facts: Sequence[Fact]) -> list[AppendResult]:
        """See `FactStore.add_facts`.  New statements of consent count for the customers, too."""
        owner_ids = self._owner_ids(facts)
        kept = [fact._replace(user_id=owner_id) for fact, owner_id in zip(facts, owner_ids, strict=True)]
        known = self._known({fact.fact_id for fact in facts})
        results, new = list[AppendResult](), list[tuple[Fact, str]]()
        for fact, sent in zip(kept, facts, strict=True):
            if fact.user_id == DISCARDED:
                results.append(None)
            elif fact.fact_id in known:
                results.append(_repetition(fact, known[fact.fact_id]))
            else:
                results.append(True)
                known[fact.fact_id] = fact
                new.append((fact, sent.user_id))
        self._insert(new)
        self._apply_consents([fact for fact, _ in new if fact.kind == FactKind.CONSENT])
        return results

    def state_consents(self, statements: Iterable[Fact]) -> None:
        """Stores statements of consent whose effect on the customers is applied already; known ones stay."""
        facts = {fact.fact_id: fact for fact in statements}
        known = self._known(facts)
        self._insert([(fact, fact.user_id) for fact_id, fact in facts.items() if fact_id not in known])

    def has_newer_consent(self, statement: Fact) -> bool:
        """Whether a later statement about the same purpose and channel is known."""
        values = statement.user_id, statement.ref, statement.channel or "", statement.at_ms
        return bool(self._tables.rows(_NEWER, *values)[0][0])

    def consents(self, user_id: str) -> dict[str, bool]:
        """What the customer's statements say now, by `consent_key`."""
        values = {consent_key(fact.ref or "", fact.channel): fact.value for fact in self._statements(user_id)}
        return {key: bool(value) for key, value in values.items() if value is not None}

    def _statements(self, user_id: str) -> list[Fact]:
        return [Fact._make(row) for row in self._tables.rows(_LATEST, user_id)]

    def move(self, from_id: str, owner_id: str, limit: int) -> int:
        """Gives the first facts of a visitor to the customer, but no statement of consent."""
        return len(self._tables.rows(_MOVE, owner_id, from_id, limit))

    def give_back(self, owner_id: str, user_id: str, sent_for: Sequence[str]) -> list[Fact]:
        """Gives the owner's facts that were sent for one of these ids to user_id; returns statements of consent."""
        statements: list[Fact] = []
        for id_ in sent_for:
            rows = self._tables.rows(_GIVE_BACK, user_id, owner_id, id_)
            statements += [fact for fact in map(Fact._make, rows) if fact.kind == FactKind.CONSENT]
        return statements

    def delete(self, user_id: str, limit: int) -> int:
        """Deletes the first facts of the customer; what their coupons add up to stays."""
        self._keep_coupons(_FIRST, user_id, limit)
        return len(self._tables.rows(_DELETE, user_id, limit))

    def withdraw(self, user_id: str) -> None:
        """Deletes all but the statements of consent, which prove what was answered; sums of coupons stay."""
        self._keep_coupons("user_id = $1", user_id)
        self._tables.execute(_WITHDRAW, (user_id,))

    def forget_referrals(self, user_ids: Iterable[str]) -> None:
        """Removes these customers from the facts of those who referred them."""
        for user_id in user_ids:
            self._tables.execute(_FORGET_REFERRAL, (user_id,))

    def drop_older(self, kind: int, before_ms: int, limit: int) -> int:
        """Deletes the first facts of that kind from before that time; sums of coupons stay."""
        if kind == FactKind.COUPON:
            self._keep_coupons(_OLDEST, kind, before_ms, limit)
        return len(self._tables.rows(_DROP_OLD, kind, before_ms, limit))

    def _keep_coupons(self, which: str, *values: Any) -> None:
        """Adds up the coupons that are about to be deleted."""
        for code, what, *sums in self._tables.rows(COUPONS.format(which=which), *values):
            self._tables.execute(_KEEP_COUPONS, (self._tables.digest(code or "").hex(), what or "", *sums))

    def _owner_ids(self, facts: Sequence[Fact]) -> list[str]:
        """The owner of each fact, DISCARDED if it is not kept; a statement of consent is kept without consent, too."""
        owner_ids = self._tables.event_owners(facts)
        if owner_ids is None:
            return [fact.user_id for fact in facts]
        erased_ms = self._tables.erased_ms(facts)
        return [
            self._tables.owner_id(fact.user_id) or fact.user_id
            if owner_id == DISCARDED
            and fact.kind == FactKind.CONSENT
            and fact.at_ms > erased_ms.get(fact.user_id, fact.at_ms - 1)
            else owner_id
            for fact, owner_id in zip(facts, owner_ids, strict=True)
        ]

    def _known(self, fact_ids: Collection[str]) -> dict[str, Fact]:
        rows = self._tables.rows(f"{_KNOWN} ({self._tables.TEXTS})", _json(fact_ids)) if fact_ids else []
        return {row[0]: Fact._make(row) for row in rows}

    def _insert(self, facts: Sequence[tuple[Fact, str]]) -> None:
        """Stores new facts, each with the id under which it was sent."""
        if facts:
            ((last,),) = self._tables.rows(_LAST)
            self._tables.insert_facts(
                [
                    (nth, *fact, sent_for if sent_for != fact.user_id else None)
                    for nth, (fact, sent_for) in enumerate(facts, last + 1)
                ]
            )

    def _apply_consents(self, statements: Sequence[Fact]) -> None:
        """Sets what the newest statement about each purpose and channel says."""
        users: dict[str, User] = {}
        for fact in sorted(statements, key=lambda fact: fact.at_ms):
            if not self.has_newer_consent(fact):
                user = users.get(fact.user_id) or self._tables.user(fact.user_id) or User(fact.user_id)
                users[fact.user_id] = user.with_consent(_answers([fact]))
        self._tables.put_users([*users.values()])


def consent_statements(
    user_id: str, consent: Mapping[str, bool | None], at_ms: int, source: str | None
) -> Iterable[Fact]:
    """The statements of a customer who answers so at that moment.  consent: by `consent_key`, None is unset."""
    for key, answer in consent.items():
        purpose, _, channel = key.partition("/")
        value = None if answer is None else float(answer)
        fact = Fact("", user_id, FactKind.CONSENT, at_ms, value, source, purpose, channel or None)
        yield fact._replace(fact_id=f"{fact_content_id(fact)}-{value}")


def _answers(statements: Iterable[Fact]) -> dict[str, bool | None]:
    return {
        consent_key(fact.ref or "", fact.channel): None if fact.value is None else bool(fact.value)
        for fact in statements
    }


def _repetition(fact: Fact, stored: Fact) -> AppendResult:
    """False if nothing of it is lost, else a conflict; a field that the fact leaves out contradicts nothing."""
    pairs = zip(Fact._fields, fact, stored, strict=True)
    fields = tuple(name for name, value, known in pairs if value is not None and value != known)
    return Conflict(fields, "fact") if fields else False


def _json(texts: Iterable[Any]) -> str:
    return orjson.dumps(list(texts)).decode()
