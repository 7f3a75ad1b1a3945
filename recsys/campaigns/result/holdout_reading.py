"""Reading of the hold-out of the shop: what all campaigns of a quarter earned together, against whom none wrote to."""

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np

from recsys.campaigns.campaign import all_campaigns
from recsys.campaigns.eligibility import arms_of
from recsys.campaigns.result.campaign_result import CampaignResult, compare_groups
from recsys.campaigns.result.design import BEFORE_DAYS, ComparisonDesign, check_window
from recsys.campaigns.result.outcomes import ComparisonWindow
from recsys.campaigns.settings import CampaignSettings
from recsys.customers.kpis.log import KpiLog, read_kpi_log
from recsys.customers.population import MIN_GROUP
from recsys.customers.settings import CustomerSettings
from recsys.data.store.base import Store
from recsys.errors import BadInput, NotEnoughData
from recsys.inference.sample_ratio import sample_ratio_test
from recsys.time_units import DAY_MS, milliseconds

GROUPS = ("who could be written to", "held out")
_QUARTER = re.compile(r"^(\d{4})-Q([1-4])$")


def read_holdout(store: Store, file: Path | None, quarter: str, now_ms: int) -> CampaignResult:
    """The result of all campaigns of a quarter such as 2026-Q4, among customers who had ordered before it.

    The cost is that of the campaigns that were drawn and started in it.  A merged customer counts by the id that they
    were merged into.  Raises BadInput, NotEnoughData, LogUnavailable.
    """
    settings = CampaignSettings.load(file)
    window, log = quarter_window(quarter, settings), read_kpi_log(store, None, file)
    check_window(window, log, now_ms)
    contacts = {each.user_id for each in store.messages_between(window.start_ms - 1, window.end_ms)}
    design = _design(log, window, settings, contacts)
    n_reached = sum(design.user_ids[row] in contacts for row in np.flatnonzero(design.is_treated).tolist())
    messages = {"sent": n_reached if n_reached == 0 or n_reached >= MIN_GROUP else None}
    result = compare_groups(f"hold-out {quarter}", design, log, messages, CustomerSettings.load(file).stage_rule())
    spent = sum(
        each.definition.cost_per_contact * each.draw["treated"]
        for each in all_campaigns(store)
        if each.is_drawn and window.start_ms <= each.definition.starts_ms < window.end_ms
    )
    return replace(result, cost=spent, subject=f"all campaigns of {quarter} together", groups=GROUPS)


def quarter_window(quarter: str, settings: CampaignSettings) -> ComparisonWindow:
    """The quarter by the clock of the campaigns, and the days before it.  Raises BadInput."""
    match = _QUARTER.match(quarter)
    if match is None:
        raise BadInput(f"{quarter!r:.40} is no quarter; write it as 2026-Q4")
    year, number = int(match[1]), int(match[2])
    start = datetime(year, 3 * number - 2, 1, tzinfo=settings.zone)
    end = datetime(year + number // 4, 3 * (number % 4) + 1, 1, tzinfo=settings.zone)
    start_ms = milliseconds(start)
    return ComparisonWindow(start_ms - BEFORE_DAYS * DAY_MS, start_ms, milliseconds(end))


def _design(log: KpiLog, window: ComparisonWindow, settings: CampaignSettings, contacts: set[str]) -> ComparisonDesign:
    share = settings.holdout_share
    if not share:
        raise NotEnoughData("[campaigns] holdout_share is 0: nobody is held out, so nothing can be compared")
    postings = log.orders.postings
    rows = np.unique(postings.customer[postings.at_ms < window.start_ms])
    all_ids = log.users.texts.all()
    user_ids = [all_ids[row] for row in rows.tolist()]
    _, is_treated = arms_of(settings.holdout_key(window.start_ms), share, user_ids)
    counts = int(is_treated.sum()), int((~is_treated).sum())
    if min(counts) < MIN_GROUP:
        raise NotEnoughData(f"fewer than {MIN_GROUP} customers were held out, or not: nothing is said of so few")
    reached = sum(user_ids[row] in contacts for row in np.flatnonzero(~is_treated).tolist())
    note = f"{reached:,} of the hold-out got messages all the same, so this shows less than the campaigns changed"
    return ComparisonDesign(
        campaign=None,
        window=window,
        user_ids=user_ids,
        positions=rows,
        is_treated=is_treated,
        segments=(),
        sample_ratio_p=sample_ratio_test(counts, (1 - share, share)),
        left_out=[note] if reached >= MIN_GROUP else [],
    )
