"""Campaign shop from its parts: the live release with its customers, the saved segments and the settings."""

from pathlib import Path

from recsys.campaigns.eligibility import CampaignShop
from recsys.campaigns.settings import CampaignSettings
from recsys.data.store.base import Store
from recsys.ranking.recommender import Recommender
from recsys.ranking.segments.population import release_population
from recsys.ranking.segments.repository import open_segment_repository


def open_campaign_shop(
    store: Store, recommender: Recommender, home: Path, file: Path | None, now_ms: int
) -> CampaignShop:
    """What campaigns of that home are planned with.  Raises BadSettings, BadDocument, BadInput, LogUnavailable."""
    repository = open_segment_repository(home, file)
    saved = repository.last_valid()
    release_seq = store.watermark(recommender.bundle.manifest).seq
    log_seq = store.head()
    return CampaignShop(
        store=store,
        recommender=recommender,
        people=release_population(recommender.engine, recommender.catalogue, store, release_seq),
        saved=saved,
        condition=lambda where, segment: repository.named_condition(where, segment, saved),
        settings=CampaignSettings.load(file),
        log_seq=log_seq,
        now_ms=now_ms,
    )
