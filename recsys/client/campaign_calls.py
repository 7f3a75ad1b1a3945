"""Calls about campaigns: planned, drawn, exported and closed."""

from recsys.client.call import Call
from recsys.client.calls import LONG_TIMEOUT_S, Json
from recsys.client.campaign_types import Campaign, CampaignPlan, CampaignResult, Campaigns, Mailings, Treated


def campaigns() -> Call[Campaigns]:
    """All campaigns, the latest start first."""
    return Call("GET", "/v1/campaigns", Campaigns.model_validate_json)


def mailings() -> Call[Mailings]:
    """Campaigns without a plan, known by their messages, the newest first."""
    return Call("GET", "/v1/mailings", Mailings.model_validate_json, timeout_s=LONG_TIMEOUT_S)


def campaign(campaign_id: str) -> Call[Campaign]:
    """One campaign."""
    return Call("GET", "/v1/campaigns/{campaign_id}", Campaign.model_validate_json, {"campaign_id": campaign_id})


def plan_campaign(definition: Json) -> Call[CampaignPlan]:
    """Stores a draft, or replaces that draft, and gives its plan."""
    body = dict(definition)
    return Call("POST", "/v1/campaigns", CampaignPlan.model_validate_json, body=body, timeout_s=LONG_TIMEOUT_S)


def try_campaign(definition: Json) -> Call[CampaignPlan]:
    """The plan of a campaign.  Nothing is stored."""
    body = dict(definition)
    return Call("POST", "/v1/campaigns:try", CampaignPlan.model_validate_json, body=body, timeout_s=LONG_TIMEOUT_S)


def draw_campaign(campaign_id: str, *, force: bool = False) -> Call[Campaign]:
    """Draws it once and for ever; `is_new` is False where it was drawn before."""
    template, path = "/v1/campaigns/{campaign_id}:draw", {"campaign_id": campaign_id}
    return Call("POST", template, Campaign.model_validate_json, path, body={"force": force}, timeout_s=LONG_TIMEOUT_S)


def export_campaign(campaign_id: str, *, layout: str = "plain", webhook: bool = False) -> Call[Treated]:
    """The list of the treated, here or to the signed webhook of the service."""
    template, path = "/v1/campaigns/{campaign_id}:export", {"campaign_id": campaign_id}
    body = {"layout": layout, "webhook": webhook}
    return Call("POST", template, Treated.model_validate_json, path, body=body, timeout_s=LONG_TIMEOUT_S)


def campaign_csv(campaign_id: str, *, layout: str = "plain") -> Call[bytes]:
    """The same list as a file for a mail tool or a spreadsheet: CSV in UTF-8."""
    template, path = "/v1/campaigns/{campaign_id}:export", {"campaign_id": campaign_id}
    return Call("POST", template, bytes, path, body={"layout": layout, "format": "csv"}, timeout_s=LONG_TIMEOUT_S)


def close_campaign(campaign_id: str) -> Call[Campaign]:
    """Ends it: nobody is exported any more."""
    template, path = "/v1/campaigns/{campaign_id}:close", {"campaign_id": campaign_id}
    return Call("POST", template, Campaign.model_validate_json, path)


def campaign_result(campaign_id: str) -> Call[CampaignResult]:
    """What the campaign changed, on its reading date."""
    template, path = "/v1/campaigns/{campaign_id}/result", {"campaign_id": campaign_id}
    return Call("GET", template, CampaignResult.model_validate_json, path, timeout_s=LONG_TIMEOUT_S)


def holdout_result(quarter: str) -> Call[CampaignResult]:
    """What all campaigns of a quarter such as 2026-Q4 earned together, against the hold-out of the shop."""
    path = {"quarter": quarter}
    return Call("GET", "/v1/holdouts/{quarter}", CampaignResult.model_validate_json, path, timeout_s=LONG_TIMEOUT_S)
