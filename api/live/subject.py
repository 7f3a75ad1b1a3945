"""Subject of an answer: what the log says of a user, and the state that one answer is made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from api.live.release import LiveRelease
from api.live.split.experiment import ServedArm
from recsys.data.entities import Attribute
from recsys.data.ids import MISSING
from recsys.data.store.base import Store
from recsys.fast_dataclass import fast_frozen

UserAttributes = Mapping[str, Attribute]
NO_ATTRIBUTES: Final[UserAttributes] = MappingProxyType({})


class Subject(NamedTuple):
    """What an answer may know of the person it is for.

    user_id: their id in the release; None for visitors, for users without consent, for users who were forgotten since.
    attributes: of a user whom the release does not know, or of any user when rules need them.
    is_personal: False for a user without consent: then nothing of them counts, not even this visit.
    """

    user_id: str | None = None
    attributes: UserAttributes = NO_ATTRIBUTES
    is_personal: bool = True


class UserHead(NamedTuple):
    """What the log said of a user, and at which check for changes.  owner and forgotten: see `Identity`.

    seq: number of the user's last event.  owner: None for a user without consent.
    """

    seq: int
    check: int
    owner: str | None = None
    subject: Subject = Subject()
    forgotten: int = 0


NOBODY = UserHead(0, 0)


@fast_frozen
@dataclass(frozen=True, slots=True)
class UserState:
    """The state that one answer is made from: a release and what is known of the user now.

    head: number of the user's last event.  owner: whose events count and who owns the answer; None for visitors and for
    users without consent, who share their answers.  is_fresh: False when the log did not answer: nothing is cached.
    bucket: of the customer in the split of a canary or an experiment; None without one, and for answers without an
    owner.  arm: of the experiment that the customer takes part in.
    """

    release: LiveRelease
    head: int
    owner: str | None
    subject: Subject
    is_fresh: bool = True
    forgotten: int = 0
    bucket: int | None = None
    arm: ServedArm | None = None

    @classmethod
    def build(
        cls,
        release: LiveRelease,
        head: UserHead,
        is_fresh: bool = True,
        bucket: int | None = None,
        arm: ServedArm | None = None,
    ) -> "UserState":
        """A release made before the user was forgotten must not know them."""
        subject = head.subject if head.forgotten <= release.log_seq else head.subject._replace(user_id=None)
        return cls(release, head.seq, head.owner, subject, is_fresh, head.forgotten, bucket, arm)


def read_head(
    store: Store, user_id: str, release: LiveRelease, check: int = 0, *, with_attributes: bool = False
) -> UserHead:
    """What the store says of the user; attributes only when rules need them, or the release knows nothing else.

    with_attributes: rules of an experiment need them.
    """
    identity = store.identity(user_id)
    if not identity.is_personal:
        return UserHead(0, check, subject=Subject(is_personal=False))
    owner, engine, forgotten = identity.owner_id, release.recommender.engine, identity.forgotten_seq
    is_known = engine.users.position(owner) != MISSING and forgotten <= release.log_seq
    rules_need_them = with_attributes or release.recommender.rules.uses_segments
    needs_attributes = rules_need_them or (engine.segments is not None and not is_known)
    user = store.user(owner) if needs_attributes else None
    subject = Subject(owner, user.attributes if user is not None else NO_ATTRIBUTES)
    return UserHead(identity.head, check, owner, subject, forgotten)
