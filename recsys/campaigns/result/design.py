"""Design of a campaign's comparison: arms that were drawn, or those it wrote to beside everybody else."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recsys.arrays import AnyArray, Bools
from recsys.campaigns.campaign import Campaign, find_campaign
from recsys.campaigns.members import find_members
from recsys.campaigns.result.outcomes import ComparisonWindow
from recsys.campaigns.result.response import first_contacts
from recsys.customers.kpis.log import KpiLog
from recsys.customers.population import MIN_GROUP
from recsys.data.ids import MISSING
from recsys.data.store.base import Store
from recsys.data.store.campaigns.records import Arm, MessageReport
from recsys.errors import NotEnoughData, UnknownCampaign
from recsys.inference.sample_ratio import sample_ratio_test
from recsys.time_units import DAY_MS, minute

BEFORE_DAYS = 91  # before a drawn campaign: what CUPED adjusts by
UNPLANNED_DAYS = 56  # of a campaign of which only messages are known


@dataclass(frozen=True, slots=True)
class ComparisonDesign:
    """N customers.  user_ids: treated and not; positions (N,): in the log, MISSING without an event that counts.

    segments (N,): the stage at the draw, empty without one.  sample_ratio_p: None for groups that nobody drew.
    """

    campaign: Campaign | None
    window: ComparisonWindow
    user_ids: Sequence[str]
    positions: AnyArray
    is_treated: Bools
    segments: Sequence[str]
    sample_ratio_p: float | None
    left_out: Sequence[str]

    @property
    def is_drawn(self) -> bool:
        return self.sample_ratio_p is not None

    @property
    def n_treated(self) -> int:
        return int(np.count_nonzero(self.is_treated))

    @property
    def n_control(self) -> int:
        return len(self.is_treated) - self.n_treated


def find_design(store: Store, campaign_id: str, reports: Sequence[MessageReport], log: KpiLog) -> ComparisonDesign:
    """Raises UnknownCampaign without a plan and without a message, NotEnoughData for groups below MIN_GROUP."""
    campaign = find_campaign(store, campaign_id) if store.campaign(campaign_id) is not None else None
    if campaign is None and not reports:
        raise UnknownCampaign(
            f"no campaign {campaign_id!r:.80}, and no message with it as ref; `recsys campaign list` lists campaigns"
        )
    if campaign is not None and not campaign.is_drawn and not reports:
        raise NotEnoughData(
            f"campaign {campaign_id!r:.80} was never drawn, and no message has it as ref: draw it first, or import its "
            "messages with `recsys import facts`"
        )
    is_drawn = campaign is not None and campaign.is_drawn and campaign.definition.control_share > 0
    design = _drawn(store, campaign, log) if campaign is not None and is_drawn else _undrawn(campaign, reports, log)
    if min(design.n_treated, design.n_control) < MIN_GROUP:
        raise NotEnoughData(
            f"campaign {campaign_id!r:.80} wrote to fewer than {MIN_GROUP} customers, or left fewer out: nothing is "
            "said of so few"
        )
    return design


def check_window(window: ComparisonWindow, log: KpiLog, now_ms: int) -> None:
    """Raises NotEnoughData before the reading date, and where the log does not hold the time that is compared."""
    if now_ms < window.end_ms or log.as_of_ms < window.end_ms - DAY_MS:
        raise NotEnoughData(
            f"it is read on {minute(window.end_ms)} UTC, and the log ends on {minute(log.as_of_ms)} UTC: a look before "
            "finds an effect by chance far more often than it says"
        )
    if log.begins_ms > window.before_ms + DAY_MS:
        raise NotEnoughData(
            f"the log begins on {minute(log.begins_ms)} UTC, and the time before the campaign on "
            f"{minute(window.before_ms)} UTC: import the orders of that time"
        )


def _drawn(store: Store, campaign: Campaign, log: KpiLog) -> ComparisonDesign:
    members = find_members(store, campaign)
    start_ms, share = campaign.definition.starts_ms, campaign.definition.control_share
    rows = members.members
    before_ms = max(start_ms - BEFORE_DAYS * DAY_MS, min(log.begins_ms, start_ms))
    counts = members.n_drawn[Arm.TREATED], members.n_drawn[Arm.CONTROL]
    is_treated = np.array([member.arm == Arm.TREATED for member in rows], bool)
    now = int(is_treated.sum()), int((~is_treated).sum())
    return ComparisonDesign(
        campaign=campaign,
        window=ComparisonWindow(before_ms, start_ms, campaign.definition.reading_ms),
        user_ids=[member.user_id for member in rows],
        positions=_positions(log, [member.user_id for member in rows]),
        is_treated=is_treated,
        segments=[member.stratum for member in rows],
        sample_ratio_p=min(sample_ratio_test(each, (1 - share, share)) for each in (counts, now)),
        left_out=members.notes,
    )


def _undrawn(campaign: Campaign | None, reports: Sequence[MessageReport], log: KpiLog) -> ComparisonDesign:
    """Everybody with an event stands beside those it wrote to; the time before is as long as the campaign."""
    contacts = first_contacts(reports)
    if campaign is not None:
        start_ms, end_ms = campaign.definition.starts_ms, campaign.definition.reading_ms
    else:
        start_ms = min(contacts.values()) // DAY_MS * DAY_MS
        end_ms = start_ms + UNPLANNED_DAYS * DAY_MS
    treated = _positions(log, list(contacts))
    unknown = int((treated == MISSING).sum())
    is_treated = np.zeros(log.n_customers, bool)
    is_treated[treated[treated != MISSING]] = True
    note = f"{unknown:,} of those it wrote to have no event that counts, and stand in neither group"
    return ComparisonDesign(
        campaign=campaign,
        window=ComparisonWindow(2 * start_ms - end_ms, start_ms, end_ms),
        user_ids=log.users.texts.all(),
        positions=np.arange(log.n_customers),
        is_treated=is_treated,
        segments=(),
        sample_ratio_p=None,
        left_out=[note] if unknown >= MIN_GROUP else [],
    )


def _positions(log: KpiLog, user_ids: list[str]) -> AnyArray:
    return log.users.positions(user_ids) if user_ids else np.empty(0, np.int64)
