"""List options over HTTP: their effect, and that answers with other options are cached apart."""

import pytest
from starlette.testclient import TestClient

from recsys.testing import small_items

BRAND_BY_ID = {item.item_id: item.brand for item in small_items()}


def recommended(client: TestClient, **body: object) -> list[str]:
    response = client.post("/v1/recommendations", json={"user_id": "user-003", **body})
    assert response.status_code == 200, response.text
    return [item["item_id"] for item in response.json()["items"]]


def test_a_list_holds_at_most_two_items_of_a_brand_when_the_query_says_so(client: TestClient) -> None:
    plain, capped = recommended(client, k=6), recommended(client, k=6, max_per={"brand": 2})
    brands = [BRAND_BY_ID[item_id] for item_id in capped]
    assert len(capped) == 6
    assert max(brands.count(brand) for brand in brands) == 2
    assert recommended(client, k=6) == plain


def test_options_at_their_defaults_change_nothing(client: TestClient) -> None:
    assert recommended(client, diversity=0, max_per={}, rotate=False, seed=None) == recommended(client)


def test_each_seed_has_a_list_of_its_own_that_stays(client: TestClient) -> None:
    lists = [recommended(client, seed=seed) for seed in range(8)]
    assert lists == [recommended(client, seed=seed) for seed in range(8)]
    assert len(set(map(tuple, lists))) > 2


def test_impressions_of_the_storefront_are_demoted_with_rotation(client: TestClient) -> None:
    plain = recommended(client)
    seen = [{"user_id": "user-003", "item_id": plain[0], "kind": "impression"}] * 2
    assert client.post("/v1/events", json=seen).status_code == 202
    assert recommended(client) == plain
    assert plain[0] not in recommended(client, rotate=True)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"diversity": 1.5}, "body.diversity"),
        ({"max_per": {"brand": 0}}, "body.max_per.brand"),
        ({"seed": -1}, "body.seed"),
        ({"min_score": "1"}, "body.min_score"),
    ],
)
def test_an_option_out_of_bounds_is_refused_by_name(reader: TestClient, wish: dict[str, object], field: str) -> None:
    response = reader.post("/v1/recommendations", json=wish)
    assert response.status_code == 422
    assert response.json()["error"]["details"][0]["field"] == field


def test_a_list_holds_no_more_items_of_one_value_than_the_option_allows(client: TestClient) -> None:
    shown = recommended(client, user_id="user-002", k=8, max_per={"colour": 3})
    blue = [item for item in shown if int(item[-3:]) % 5 == 0]
    assert (len(shown), len(blue)) == (6, 3)


def test_an_unknown_attribute_to_count_by_is_named(client: TestClient) -> None:
    response = client.post("/v1/recommendations", json={"max_per": {"flavour": 1}})
    assert response.status_code == 422
    assert "flavour" in response.json()["error"]["message"]
