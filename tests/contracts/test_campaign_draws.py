"""Two campaigns drawn at the same moment by two hosts, on every store: the cap holds for every customer."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Protocol

from recsys.campaigns.campaign import save_campaign
from recsys.campaigns.definition import parse_definition
from recsys.campaigns.drawing import draw_campaign
from recsys.campaigns.eligibility import CampaignShop
from recsys.campaigns.settings import CampaignSettings
from recsys.campaigns.shop import open_campaign_shop
from recsys.data.store.base import Store
from recsys.data.store.campaigns.records import Arm
from recsys.errors import NotEnoughData
from recsys.ranking.recommender import Recommender

HOSTS = 4


class OpenStore(Protocol):
    def __call__(self) -> Store: ...


class Rendezvous:
    """A store of one host whose first look at the last draw waits until every host is there."""

    def __init__(self, store: Store, barrier: Barrier) -> None:
        self._store, self._barrier, self._is_first = store, barrier, True

    def last_draw(self) -> int:
        number = self._store.last_draw()
        if self._is_first:
            self._is_first = False
            self._barrier.wait(20)
        return number

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


def test_campaigns_drawn_at_once_by_several_hosts_never_break_the_cap(
    opened: OpenStore, small_shop: Recommender, tmp_path: Path
) -> None:
    barrier, stores = Barrier(HOSTS), [opened() for _ in range(HOSTS)]
    settings = CampaignSettings(holdout_share=0, quiet_days=0, max_contacts=2)

    def drawn(nth: int) -> bool:
        plain = open_campaign_shop(stores[nth], small_shop, tmp_path, None, 1_519_000_000_000)
        shop: CampaignShop = replace(plain, settings=settings, store=Rendezvous(stores[nth], barrier))  # type: ignore[arg-type]
        written = {"id": f"c{nth}", "audience": {"where": {}}, "channel": "email", "control_share": 0.0}
        days = {"starts": f"2018-03-0{nth + 1}T10:00", "reading": "2018-04-01"}
        save_campaign(shop.store, parse_definition({**written, **days}), 1, lambda _: None)
        try:
            return draw_campaign(shop, f"c{nth}", force=True)[1]
        except NotEnoughData:
            return False

    with ThreadPoolExecutor(HOSTS) as pool:
        outcomes = [*pool.map(drawn, range(HOSTS))]
    contacts = Counter(
        member.user_id
        for record in stores[0].campaigns()
        for page in stores[0].member_pages(record.campaign_id)
        for member in page
        if member.arm is Arm.TREATED
    )
    assert sum(outcomes) == 2, "two take the two contacts of everybody, the others find nobody"
    assert {*contacts.values()} == {2}
    assert stores[0].last_draw() == 2
