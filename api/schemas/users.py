"""User schemas: attributes, consent, merge and erasure of customers."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

from api.schemas.common import Attributes, Id, In, Time
from recsys.data.facts import MAX_TEXT

Answer = bool | None


class ChannelsIn(In):
    """The consent over single channels, such as email, sms, push, post, phone; null is unset."""

    marketing: Annotated[dict[Id, Answer], Field(max_length=50)] = Field(default={})


class ConsentIn(In):
    """The consent of the customer; null is unset.  A purpose or channel that is not named stays as it is.

    An answer is kept with its date and source; of several about one purpose and channel the newest counts.
    """

    personalisation: bool | None = Field(
        default=None,
        description="false: lists are not personal, past events are deleted, and new events are not kept",
    )
    marketing: bool | None = Field(default=None, description="false: the customer is in no audience, over no channel")
    channels: ChannelsIn | None = Field(default=None, description="answers about single channels")
    at: Time | None = Field(default=None, description="when it was given; now when left out")
    source: Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT, pattern=r"^[^\x00]*$")] | None = Field(
        default=None, description="where it was given: a form, a till, a letter"
    )


class UserFields(In):
    """The fields of a customer."""

    attributes: Attributes = Field(default={})
    consent: ConsentIn | None = Field(default=None, description="stays as it is when left out")


class UserIn(UserFields):
    """A customer in bulk."""

    user_id: Id


class UsersIn(In):
    """Several customers in one request."""

    users: list[UserIn]


class MergeIn(In):
    """Two ids of one customer: `from` was a visitor's, `into` is the customer's own."""

    from_: Id = Field(alias="from")
    into: Id


class UnmergeIn(In):
    """An id that was merged into a customer by mistake."""

    user_id: Id


class ConsentOut(BaseModel):
    """null: the customer was not asked, or did not answer.  channels: answers about single channels, by purpose."""

    personalisation: bool | None
    marketing: bool | None
    channels: dict[str, dict[str, bool]]


class UserOut(BaseModel):
    """A customer as they are stored.  merged_ids: ids that were merged into this one."""

    user_id: str
    attributes: dict[str, Any]
    consent: ConsentOut
    merged_ids: list[str]


class StoredUsersOut(BaseModel):
    """The number of customers that were stored."""

    stored: int


class ReceiptOut(BaseModel):
    """Receipt of an erasure or a merge.  It names nobody: ids are digests.  `counts` are numbers of rows by place.

    seq: its place in the log whose identity is log_id; a restored or copied log has another identity.
    """

    receipt_id: str
    kind: str
    digest: str
    at_ms: int
    seq: int
    counts: dict[str, int]
    into: str | None = None
    log_id: str = ""


class RemainsOut(BaseModel):
    """Where traces of an erased customer are left.

    releases: made before the erasure; no answer uses what they know of the customer, and `recsys train`, then
    `recsys sweep`, remove them.  log_file: unused pages in the file of the log, until `recsys sweep`.
    """

    releases: list[str]
    log_file: bool


class ErasedOut(ReceiptOut):
    """A receipt, and the traces that are left now."""

    remains: RemainsOut


class UnmergedOut(BaseModel):
    """`user_id` is a customer of its own again; the receipt counts the events that came back."""

    user_id: str
    receipt: ReceiptOut


class MergedOut(BaseModel):
    """`user_id` is the id from now on; merged is false, without a receipt, when the ids were merged already."""

    user_id: str
    merged: bool
    receipt: ReceiptOut | None
