"""Audience routes: customers for an item, and lookalikes of a customer."""

from starlette.testclient import TestClient


def test_the_audience_of_an_item_names_customers_with_their_chance(client: TestClient) -> None:
    response = client.get("/v1/items/item-004/audience", params={"limit": 7})
    assert response.status_code == 200, response.text
    answer = response.json()
    assert len(answer["customers"]) == 7
    assert set(answer["customers"][0]) == {"user_id", "score", "item_id", "source"}
    assert {int(customer["user_id"][-3:]) % 2 for customer in answer["customers"]} == {0}
    assert answer["model_version"] == client.get("/version").json()["model"]["version"]


def test_the_audience_of_a_filter_names_the_item_each_wants(client: TestClient) -> None:
    response = client.post("/v1/audience", json={"where": {"colour": "blue", "price": {"lt": 8}}, "limit": 9})
    assert response.status_code == 200, response.text
    assert {customer["item_id"] for customer in response.json()["customers"]} == {"item-000", "item-005"}


def test_lookalikes_come_with_the_items_that_both_bought(client: TestClient) -> None:
    customers = client.get("/v1/users/user-003/similar", params={"k": 4}).json()["customers"]
    assert len(customers) == 4
    assert {int(customer["user_id"][-3:]) % 2 for customer in customers} == {1}
    assert all(customer["shared"] for customer in customers)
    assert client.get("/v1/users/nobody/similar").json()["customers"] == []


def test_an_invalid_audience_is_refused(client: TestClient) -> None:
    for response, status, code in (
        (client.get("/v1/items/nothing/audience"), 404, "unknown_item"),
        (client.get("/v1/items/item-004/audience", params={"limit": 0}), 422, "invalid"),
        (client.post("/v1/audience", json={"limit": 5}), 422, "invalid"),
        (client.post("/v1/audience", json={"where": {"color": "blue"}}), 422, "unknown_attribute"),
    ):
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_a_customer_who_withdraws_consent_is_in_no_audience_from_then_on(client: TestClient) -> None:
    def named() -> list[str]:
        return [customer["user_id"] for customer in client.get("/v1/items/item-004/audience").json()["customers"]]

    def alike() -> list[str]:
        return [customer["user_id"] for customer in client.get("/v1/users/user-002/similar?k=30").json()["customers"]]

    first, second, third, fourth, fifth = named()[:5]
    assert {first, second, third, fourth} <= {*alike(), "user-002"}
    assert client.patch(f"/v1/users/{first}", json={"consent": {"marketing": False}}).is_success
    assert client.patch(f"/v1/users/{second}", json={"consent": {"personalisation": False}}).is_success
    assert client.post("/v1/users:merge", json={"from": third, "into": "logged-in"}).is_success
    assert client.delete(f"/v1/users/{fourth}").is_success
    assert named()[0] == fifth
    assert not {first, second, third, fourth} & {*named()}
    assert not {second, third, fourth} & {*alike()}


def test_an_audience_is_of_a_segment_within_a_horizon_and_over_a_channel(client: TestClient) -> None:
    def named(**params: object) -> list[str]:
        answer = client.get("/v1/items/item-004/audience", params=params)
        assert answer.is_success, answer.text
        return [customer["user_id"] for customer in answer.json()["customers"]]

    rich = {"money": {"gte": 450}}
    client.put("/v1/segments", json={"segments": [{"name": "rich", "where": rich}]})
    everybody, members = named(), named(segment="rich")
    assert set(members) < set(everybody)
    assert members == [user_id for user_id in everybody if user_id in members]
    body = {"where": {"item_id": "item-004"}, "customers": rich, "days": 28}
    posted = client.post("/v1/audience", json=body).json()["customers"]
    assert [customer["user_id"] for customer in posted] == members
    refusal = {"consent": {"channels": {"marketing": {"email": False}}}}
    client.patch(f"/v1/users/{members[0]}", json=refusal)
    assert named(segment="rich", channel="email") == members[1:]
    assert named(segment="rich", channel="sms") == members
    assert client.get("/v1/items/item-004/audience?segment=rch").json()["error"]["code"] == "unknown_segment"
    assert client.get("/v1/items/item-004/audience?days=90").status_code == 422
