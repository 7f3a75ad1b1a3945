"""Consent: which customers may be known, and which may be contacted."""

from collections.abc import Callable

from recsys.data.store.base import Store

ConsentCheck = Callable[[str], bool]


def personalisation_consent(store: Store, log_seq: int) -> ConsentCheck:
    """Who may be named as one whom a release with that end of its log knows: who consents and was not forgotten since.

    The store is asked as it is at that moment.  Raises LogUnavailable while it does not answer: then nobody is named.
    """

    def has_consent(user_id: str) -> bool:
        identity = store.identity(user_id)
        return identity.is_personal and identity.owner_id == user_id and identity.forgotten_seq <= log_seq

    return has_consent


def marketing_consent(store: Store, log_seq: int) -> ConsentCheck:
    """Whom a campaign may reach: of those who may be known all but who said no to marketing.  Raises LogUnavailable."""
    is_known = personalisation_consent(store, log_seq)

    def has_consent(user_id: str) -> bool:
        if not is_known(user_id):
            return False
        user = store.user(user_id)
        return user is None or user.consent.get("marketing", True)

    return has_consent
