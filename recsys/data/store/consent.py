"""Consent: which customers may be known, and which may be contacted."""

from collections.abc import Callable

from recsys.data.store.base import Store

Admits = Callable[[str], bool]


def who_may_be_known(store: Store, log_seq: int) -> Admits:
    """Who may be named as one whom a release with that end of its log knows: who consents and was not forgotten since.

    The store is asked as it is at that moment.  Raises LogUnavailable while it does not answer: then nobody is named.
    """

    def admits(user_id: str) -> bool:
        standing = store.standing(user_id)
        return standing.is_personal and standing.owner == user_id and standing.forgotten <= log_seq

    return admits


def who_may_be_told(store: Store, log_seq: int) -> Admits:
    """Whom a campaign may reach: of those who may be known all but who said no to marketing.  Raises LogUnavailable."""
    is_known = who_may_be_known(store, log_seq)

    def admits(user_id: str) -> bool:
        if not is_known(user_id):
            return False
        user = store.user(user_id)
        return user is None or user.consent.get("marketing", True)

    return admits
