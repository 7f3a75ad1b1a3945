"""Changes route: filtered, page by page, and never of a moment after the release."""

import pytest
from starlette.testclient import TestClient

from api.schemas.customers.changes import ChangesOut
from tests.api.conftest import bearer

PATH = "/v1/customers/changes"


def changes(client: TestClient, **params: object) -> ChangesOut:
    response = client.get(PATH, params={"since": "2017-09-15", **params})
    assert response.status_code == 200, response.text
    return ChangesOut.model_validate(response.json())


def test_pages_together_hold_all_changes(reader: TestClient) -> None:
    whole = changes(reader)
    assert whole.total == len(whole.changes) > 10
    pages = [changes(reader, offset=offset, limit=7).changes for offset in range(0, whole.total, 7)]
    assert [each for page in pages for each in page] == whole.changes


def test_changes_can_be_had_by_kind_and_by_where_they_lead(reader: TestClient) -> None:
    growing = changes(reader, change="stage", to="growing")
    assert {(each.change, each.to) for each in growing.changes} == {("stage", "growing")}
    assert changes(reader, to="nowhere").total == 0


@pytest.mark.parametrize("since", ["2999-01-01", "yesterday", ""])
def test_a_moment_that_cannot_be_compared_is_refused(since: str, reader: TestClient) -> None:
    assert reader.get(PATH, params={"since": since}).status_code == 422


def test_changes_need_the_users_scope(guarded: TestClient, keys: dict[str, str]) -> None:
    params = {"since": "2017-09-15"}
    assert guarded.get(PATH, params=params, headers=bearer(keys["read"])).status_code == 403
    assert guarded.get(PATH, params=params, headers=bearer(keys["users"])).status_code == 200
