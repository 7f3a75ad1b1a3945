"""List of customers: order, pages and conditions, all by the service."""

import re

from api.console.pages.customers import CHAMPIONS_AT_RISK
from tests.api.console.conftest import Browser


def ids(text: str) -> list[str]:
    return re.findall(r'/console/customer\?id=([^"]+)"', text)


def amounts(text: str) -> list[float]:
    return [float(word.replace(",", "")) for word in re.findall(r'<td class="money">([\d,.]+)</td>', text)][:10]


def test_the_head_of_a_column_orders_and_turns_round(console: Browser) -> None:
    falling = ids(console.get("/console/customers", params={"order": "user_id", "rev": "1"}).text)
    rising = ids(console.get("/console/customers", params={"order": "user_id"}).text)
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)


def test_a_page_goes_on_where_the_one_before_ended(console: Browser) -> None:
    first = console.get("/console/customers", params={"order": "user_id"}).text
    second = console.get("/console/customers", params={"order": "user_id", "page": "2"}).text
    assert len(ids(first)) == 50
    assert ids(first)[-1] < ids(second)[0]


def test_odd_parameters_give_the_first_page_in_the_usual_order(console: Browser) -> None:
    usual = ids(console.get("/console/customers").text)
    for query in ({"order": "nothing"}, {"page": "-1"}, {"page": "x"}, {"page": "0"}, {"rev": "maybe"}):
        assert ids(console.get("/console/customers", params=query).text) == usual


def test_a_condition_narrows_the_list_and_a_wrong_one_is_told(console: Browser) -> None:
    where = '{"user": 1}'
    assert console.get("/console/customers", params={"where": '{"abc": "A"}'}).status_code == 200
    for text in (where, "{", "[]"):
        answer = console.get("/console/customers", params={"where": text})
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text


def test_what_is_often_needed_is_told_and_is_no_part_of_the_next_question(console: Browser) -> None:
    text = console.get("/console/customers", params={"where": CHAMPIONS_AT_RISK.text}).text
    assert "Champions at risk: they belong to those" in text
    assert '<textarea name="where" rows="3" spellcheck="false"></textarea>' in text
    other = console.get("/console/customers", params={"where": '{"abc": "A"}'}).text
    assert "{&#34;abc&#34;: &#34;A&#34;}</textarea>" in other
