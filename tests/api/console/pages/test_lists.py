"""Lists of any customer: reasons, places beside products, and pictures from named hosts alone."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

from starlette.testclient import TestClient

from api.console.rendering import build_environment
from tests.api.console.conftest import Browser, console_of

URL = "/console/lists"


def test_a_list_has_products_with_reasons_and_a_way_to_the_diagnosis(console: Browser) -> None:
    text = console.get(URL, params={"id": "user-003", "k": "5"}).text
    assert text.count('class="card product"') == 5
    assert all(words in text for words in ("Why this place", "You bought this", "Made for this customer"))


def test_the_whole_page_of_a_placement_is_shown_in_rows(console: Browser) -> None:
    text = console.get(URL, params={"id": "user-003", "rows": "1", "k": "3"}).text
    assert "<h2>Buy again" in text


def test_a_place_beside_products_asks_for_one_in_words(console: Browser) -> None:
    assert "put in the id of at least one" in console.get(URL, params={"placement": "similar"}).text
    text = console.get(URL, params={"placement": "similar", "items": "item-004", "k": "2"}).text
    assert text.count('class="card product"') == 2


def test_pictures_come_from_the_hosts_of_the_settings_and_from_no_other(console_home: Path) -> None:
    env = {"RECSYS_CONSOLE_PICTURE_HOSTS": '["https://cdn.shop.example"]'}
    answer = TestClient(console_of(console_home, env)).get("/console/sign-in")
    picture = cast(
        Callable[[str | None], str | None], build_environment(["https://cdn.shop.example"]).globals["picture"]
    )
    assert "img-src 'self' data: https://cdn.shop.example;" in answer.headers["content-security-policy"]
    assert picture("https://cdn.shop.example/a.png") == "https://cdn.shop.example/a.png"
    for foreign in ("https://cdn.shop.example.evil/a.png", "https://evil/a.png", "/a.png", None):
        assert picture(foreign) is None


def test_a_product_is_put_first_from_the_list_that_is_shown(console: Browser) -> None:
    assert "/console/rules?placement=discover#new" in console.get(URL, params={"placement": "discover"}).text
    assert "/console/rules?placement=home#new" in console.get(URL).text
