"""Consent: the data of a customer that a request may use, and the customers that an audience may name."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from recsys.data.entities import Attribute
from recsys.data.events import Event
from recsys.data.lineage import NOT_COVERED
from recsys.data.store.base import Store
from recsys.errors import NoBundle

ConsentCheck = Callable[[str], bool]


class KnownUser(NamedTuple):
    """The data of a customer that a request may use.

    user_id: the id that the release knows, None without consent or history.  recent: events since the release.
    """

    user_id: str | None
    recent: Sequence[Event] = ()
    attributes: Mapping[str, Attribute] = MappingProxyType({})


def known_user(store: Store, user_id: str, log_seq: int) -> KnownUser:
    """The customer for a release whose log ends at log_seq: nothing without consent, and no erased history."""
    identity = store.identity(user_id)
    if not identity.is_personal:
        return KnownUser(None)
    user = store.user(identity.owner_id)
    return KnownUser(
        identity.owner_id if identity.forgotten_seq <= log_seq else None,
        store.user_events(identity.owner_id, after_seq=max(log_seq, identity.forgotten_seq)),
        user.attributes if user is not None else {},
    )


def personalisation_consent(store: Store, log_seq: int) -> ConsentCheck:
    """A check whether a release whose log ends at log_seq may name a customer: consent, and not erased since.

    The check reads the store at the time of its call.  It raises LogUnavailable while the store does not answer.
    Raises NoBundle for a release that the log does not cover.
    """

    if log_seq == NOT_COVERED.seq:
        raise NoBundle("the live release was not learnt from this log, and names no customers; run `recsys train`")

    def has_consent(user_id: str) -> bool:
        identity = store.identity(user_id)
        return identity.is_personal and identity.owner_id == user_id and identity.forgotten_seq <= log_seq

    return has_consent


def marketing_consent(store: Store, log_seq: int, channel: str | None = None) -> ConsentCheck:
    """A check whether a campaign may contact a customer over that channel: as above, without a refusal.

    channel None: over any.  Raises LogUnavailable.
    """
    is_personal = personalisation_consent(store, log_seq)

    def has_consent(user_id: str) -> bool:
        if not is_personal(user_id):
            return False
        user = store.user(user_id)
        return user is None or user.answer("marketing", channel) is not False

    return has_consent
