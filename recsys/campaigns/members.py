"""Members of a drawn campaign as they are now: without the erased, and without pairs that were merged across arms."""

from dataclasses import dataclass

from recsys.campaigns.campaign import Campaign
from recsys.data.store.base import Store
from recsys.data.store.campaigns.records import Arm, CampaignMember


@dataclass(frozen=True, slots=True)
class CampaignMembers:
    """members: each customer once, by the order of the ids that were drawn.  n_drawn: at the draw, by arm.

    n_gone: erased since, or refused personalisation.  n_across: drawn ids of customers who were merged across arms;
    they are in neither.  n_within: drawn ids that count no more because they were merged within their arm.
    """

    members: list[CampaignMember]
    n_drawn: dict[Arm, int]
    n_gone: int
    n_across: int
    n_within: int

    @property
    def notes(self) -> list[str]:
        """What a reader should know of members that are missing, in words."""
        parts = (
            (self.n_gone, "were erased or refused personalisation since the draw"),
            (self.n_across, "were merged into customers of the other arm and are left out of both"),
            (self.n_within, "were merged into others of their arm"),
        )
        return [f"{n:,} of the drawn {words}" for n, words in parts if n]


def find_members(store: Store, campaign: Campaign) -> CampaignMembers:
    """The members of the campaign, none before its draw.  Raises LogUnavailable."""
    by_owner: dict[str, list[CampaignMember]] = {}
    n_rows = 0
    for page in store.member_pages(campaign.id):
        n_rows += len(page)
        for member in page:
            by_owner.setdefault(member.user_id, []).append(member)
    groups = by_owner.values()
    across = [group for group in groups if len({member.arm for member in group}) > 1]
    kept = [group[0] for group in groups if len({member.arm for member in group}) == 1]
    n_across = sum(map(len, across))
    n_drawn = {Arm.CONTROL: int(campaign.draw.get("control", 0)), Arm.TREATED: int(campaign.draw.get("treated", 0))}
    return CampaignMembers(
        members=kept,
        n_drawn=n_drawn,
        n_gone=sum(n_drawn.values()) - n_rows,
        n_across=n_across,
        n_within=n_rows - n_across - len(kept),
    )
