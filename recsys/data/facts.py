"""Facts of customers: what happens to a person and not to an item, kept beside the event log."""

import hashlib
from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

from recsys.data.entities import BY_CHANNEL, PURPOSES

MAX_TEXT = 500  # characters


class FactKind(IntEnum):
    """Kind of a fact.  The numbers are stored: never change one, only add."""

    SEARCH = 1
    SURVEY = 2
    MESSAGE = 3
    COUPON = 4
    SERVICE = 5
    REFERRAL = 6
    SIGN_UP = 7
    CONSENT = 8
    LOYALTY = 9


FACT_KIND_BY_NAME = {kind.name.lower(): kind for kind in FactKind}

# The words that `text` may be, of kinds where it says what happened.
WORDS_BY_KIND: Mapping[int, tuple[str, ...]] = {
    FactKind.MESSAGE: ("sent", "delivered", "opened", "clicked", "bounced", "complained", "unsubscribed"),
    FactKind.COUPON: ("given", "redeemed"),
}


class Fact(NamedTuple):
    """One fact.  `at_ms` is Unix milliseconds UTC; what value, text and ref mean depends on the kind.

    search: the query, the number of its results.  survey: ref nps, csat or another name, the score, the comment.
    message: ref of the campaign, what became of it (WORDS_BY_KIND).  coupon: its code as ref, given or redeemed, its
    money.  service: ref of the case, its subject.  referral: ref is the id of the customer who came.
    sign_up: ref of the list or account, text where.  consent: ref is the purpose, value 1 or 0, None is unset, text
    where it was given; channel None is every channel.  loyalty: ref of the programme, the balance after it in points,
    text the tier.
    """

    fact_id: str
    user_id: str
    kind: int
    at_ms: int
    value: float | None = None
    text: str | None = None
    ref: str | None = None
    channel: str | None = None


def fact_content_id(fact: Fact, ordinal: int = 0) -> str:
    """A fact_id for a fact without one: equal content gives the same id.  `ordinal` counts equal facts."""
    parts = (fact.user_id, fact.kind, fact.at_ms, fact.ref or "", fact.channel or "", fact.text or "", ordinal)
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=8)
    return f"{fact.at_ms:012x}{digest.hexdigest()}"


def fact_fault(fact: Fact) -> str | None:
    """Why the fact means nothing, and what to do; None for a good one."""
    words = WORDS_BY_KIND.get(fact.kind)
    name = FactKind(fact.kind).name.lower()
    if words is not None and fact.text not in words:
        return f"text: of a {name} it is one of {', '.join(words)}"
    if fact.kind == FactKind.SEARCH and fact.text is None:
        return "text: of a search it is the query"
    if fact.kind != FactKind.SEARCH and fact.kind != FactKind.SERVICE and fact.ref is None:
        return f"ref: a {name} needs one: {_REFS[fact.kind]}"
    if fact.kind == FactKind.SURVEY:
        return _score_fault(fact)
    if fact.kind == FactKind.LOYALTY and fact.value is None and fact.text is None:
        return "value, text: a loyalty says the balance, the tier or both"
    if fact.kind == FactKind.COUPON and (fact.value or 0.0) < 0:
        return f"value: of a coupon it is the money that was taken off, 0 or more, not {fact.value:g}"
    return _consent_fault(fact) if fact.kind == FactKind.CONSENT else None


def _consent_fault(fact: Fact) -> str | None:
    if fact.value not in (None, 0, 1):
        return "value: of a consent it is 1 for yes, 0 for no, null for unset"
    if fact.ref not in PURPOSES:
        return f"ref: of a consent it is the purpose, {' or '.join(PURPOSES)}"
    if fact.ref not in BY_CHANNEL and fact.channel is not None:
        return f"channel: {fact.ref} has none; leave it out"
    return None


def _score_fault(fact: Fact) -> str | None:
    limits = SCORES.get(fact.ref or "")
    if fact.value is None:
        return "value: of a survey it is the score"
    if limits is not None and not (limits[0] <= fact.value <= limits[1] and fact.value == int(fact.value)):
        return f"value: {fact.ref} is a whole number from {limits[0]} to {limits[1]}"
    return None


SCORES: Mapping[str, tuple[int, int]] = {"nps": (0, 10), "csat": (1, 5)}
_REFS: Mapping[int, str] = {
    FactKind.SURVEY: "nps, csat or the name of the survey",
    FactKind.MESSAGE: "the campaign",
    FactKind.COUPON: "the code",
    FactKind.REFERRAL: "the id of the customer who came",
    FactKind.SIGN_UP: "the list or the account",
    FactKind.CONSENT: "the purpose",
    FactKind.LOYALTY: "the programme",
}
