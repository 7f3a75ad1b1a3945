"""Webhook export of a campaign to a real receiver: signed pages, tried again under the same id, and each once."""

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from recsys.campaigns import export
from recsys.campaigns.campaign import find_campaign
from recsys.campaigns.drawing import draw_campaign
from recsys.campaigns.eligibility import CampaignShop
from recsys.campaigns.export import TreatedList, treated_list
from recsys.campaigns.webhook import post_treated
from recsys.errors import BadInput
from tests.recsys.campaigns.conftest import saved
from tests.recsys.jobs.test_notifications import SECRET, Receiver, receiver

__all__ = ["receiver"]


@pytest.fixture
def treated(shop: CampaignShop, monkeypatch: pytest.MonkeyPatch) -> TreatedList:
    """Some thirty customers, ten on each page."""
    monkeypatch.setattr(export, "PAGE_CUSTOMERS", 10)
    monkeypatch.setattr("recsys.jobs.notifications.QUICK_PAUSE_S", 0.0)
    saved(shop)
    draw_campaign(shop, "c1", force=True)
    with closing(shop.store):
        return treated_list(shop.store, find_campaign(shop.store, "c1"), "plain", shop.recommender.engine)


def settings(folder: Path, url: str) -> Path:
    (folder / "recsys.toml").write_text(f'[notify]\nwebhook = "{url}"\nsecret = "{SECRET}"\n')
    return folder / "recsys.toml"


def ids(requests: Sequence[tuple[dict[str, str], bytes]]) -> list[str]:
    return [headers["webhook-id"] for headers, _ in requests]


def test_every_customer_arrives_once_in_signed_pages_though_the_receiver_fails_first(
    receiver: Receiver, treated: TreatedList, tmp_path: Path
) -> None:
    receiver.statuses = [500, 204, 503]
    n_pages = post_treated(treated, settings(tmp_path, receiver.url))
    assert receiver.genuine() == [True] * (n_pages + 2)
    sent = ids(receiver.requests)
    assert (sent[0], sent[2]) == (sent[1], sent[3]), "a page that is tried again has the same id"
    pages = {name: json.loads(body) for name, (_, body) in zip(sent, receiver.requests, strict=True)}
    assert len(pages) == n_pages > 1
    customers = [row["user_id"] for page in pages.values() for row in page["customers"]]
    assert sorted(customers) == sorted(row["user_id"] for row in treated.rows)
    assert len(set(customers)) == len(customers)
    assert {(page["type"], page["campaign"], page["pages"]) for page in pages.values()} == {
        ("campaign.treated", "c1", n_pages)
    }
    post_treated(treated, settings(tmp_path, receiver.url))
    assert ids(receiver.requests)[-n_pages:] == list(pages), "the same list again: a receiver knows every id"


def test_a_page_that_does_not_arrive_is_named_and_can_be_sent_again(
    receiver: Receiver, treated: TreatedList, tmp_path: Path
) -> None:
    receiver.statuses = [204, *([500] * 20)]
    with pytest.raises(BadInput, match="page 2 of the webhook did not arrive.*export again"):
        post_treated(treated, settings(tmp_path, receiver.url))
