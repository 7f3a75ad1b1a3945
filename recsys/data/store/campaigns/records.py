"""Rows of campaigns in a store: a campaign, its members, and contacts of customers."""

from enum import IntEnum
from typing import Any, NamedTuple


class Arm(IntEnum):
    """The arm of a member.  The numbers are stored."""

    CONTROL = 0
    TREATED = 1


class CampaignRecord(NamedTuple):
    """A campaign as it is stored.

    status: draft, drawn, running or closed.  starts_ms: when its contact is planned, Unix ms.  draw: the place of its
    draw among all draws, from 1; 0 before it is drawn.  document: JSON, see `recsys/campaigns`.
    """

    campaign_id: str
    status: str
    starts_ms: int
    draw: int
    document: str


class CampaignMember(NamedTuple):
    """A member of a drawn campaign.

    user_id: who it is now, after merges.  drawn_id: the id that was drawn.  stratum: the member's stage at the draw.
    """

    user_id: str
    drawn_id: str
    arm: Arm
    bucket: int
    stratum: str


class Membership(NamedTuple):
    """A campaign that a customer is in."""

    campaign_id: str
    arm: Arm
    status: str
    starts_ms: int

    def to_json(self) -> dict[str, Any]:
        """The membership as JSON types."""
        return {
            "campaign": self.campaign_id,
            "arm": self.arm.name.lower(),
            "status": self.status,
            "starts": self.starts_ms,
        }


class Contact(NamedTuple):
    """A contact of a customer: planned by the campaign, or a message of it that was reported; campaign may be None."""

    user_id: str
    campaign_id: str | None
    at_ms: int


class MessageReport(NamedTuple):
    """What became of a campaign's message to a customer, sent, opened or another word, and first when."""

    user_id: str
    text: str
    at_ms: int


class Mailing(NamedTuple):
    """A campaign that is known by its messages alone: to how many customers, first when (Unix ms), and one channel."""

    campaign_id: str
    channel: str | None
    at_ms: int
    n_customers: int
