"""Trial of promotions: changes against the stored ones, products covered, one customer's offers; nothing is stored."""

from starlette.testclient import TestClient

TENTH = {"id": "tenth", "title": "10 %", "kind": "discount", "categories": ["category-0"], "percent": 10}
URL = "/v1/promotions:try"


def test_a_trial_says_what_is_new_changed_and_removed_and_stores_nothing(client: TestClient) -> None:
    client.put("/v1/promotions", json={"promotions": [TENTH, {**TENTH, "id": "old"}, {**TENTH, "id": "kept"}]})
    tried = [{**TENTH, "percent": 20}, {**TENTH, "id": "kept"}, {**TENTH, "id": "new", "on": False}]
    answer = client.post(URL, json={"promotions": {"promotions": tried}}).json()
    rows = {row["id"]: row for row in answer["promotions"]}
    assert {name: row["change"] for name, row in rows.items()} == {"tenth": "changed", "kept": "same", "new": "new"}
    assert (rows["new"]["state"], answer["removed"], answer["offers"]) == ("off", ["old"], None)
    assert rows["tenth"]["items"] == 6
    assert [each["id"] for each in client.get("/v1/promotions").json()["promotions"]] == ["tenth", "old", "kept"]


def test_a_trial_ranks_the_offers_of_a_customer_by_the_text(client: TestClient) -> None:
    text = '[[promotions]]\nid = "tried"\ntitle = "5 %"\nkind = "discount"\ncategories = ["category-0"]\npercent = 5\n'
    answer = client.post(URL, json={"toml": text, "user_id": "user-002"}).json()
    assert [offer["promotion_id"] for offer in answer["offers"]["offers"]] == ["tried"]
    assert client.get("/v1/users/user-002/offers").json()["offers"] == []


def test_a_fault_of_a_trial_names_its_line(client: TestClient) -> None:
    text = '[[promotions]]\nid = "odd"\ntitle = "5 %"\nkind = "discount"\ncategories = ["category-9"]\npercent = 5\n'
    error = client.post(URL, json={"toml": text}).json()["error"]
    assert (error["code"], error["details"][0]["line"]) == ("bad_promotions", 5)
