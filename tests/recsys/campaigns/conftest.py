"""The small shop with a store of its own: what campaigns are planned with."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recsys.campaigns.campaign import Campaign, save_campaign
from recsys.campaigns.definition import CampaignDefinition, parse_definition
from recsys.campaigns.eligibility import CampaignShop
from recsys.campaigns.settings import CampaignSettings
from recsys.campaigns.shop import open_campaign_shop
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.ranking.recommender import Recommender

MakeShop = Callable[..., CampaignShop]


def written(campaign_id: str = "c1", **fields: Any) -> dict[str, Any]:
    """A campaign to everybody; some fields otherwise."""
    plain = {
        "id": campaign_id,
        "audience": {"where": {"all": []}},
        "channel": "email",
        "starts": "2018-03-01T10:00",
        "reading": "2018-03-29T10:00",
        "control_share": 0.5,
        "effect": 5.0,
        "salt": "fixed",
    }
    return plain | fields


def define(campaign_id: str = "c1", **fields: Any) -> CampaignDefinition:
    return parse_definition(written(campaign_id, **fields))


def saved(shop: CampaignShop, campaign_id: str = "c1", **fields: Any) -> Campaign:
    return save_campaign(shop.store, define(campaign_id, **fields), shop.now_ms, lambda _: None)[0]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path, None)


@pytest.fixture
def shop(store: Store, small_shop: Recommender, tmp_path: Path) -> CampaignShop:
    """Without a hold-out, so that a test counts everybody; the cap is two in seven days, without quiet days."""
    opened = open_campaign_shop(store, small_shop, tmp_path, None, 1_519_000_000_000)
    return replace(opened, settings=CampaignSettings(holdout_share=0, quiet_days=0))
