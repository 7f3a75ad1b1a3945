"""One product in the console: its neighbours, and those who want it."""

from tests.api.console.conftest import Browser


def test_one_product_shows_what_goes_with_it_and_who_wants_it(console: Browser) -> None:
    text = console.get("/console/product", params={"item": "item-004", "fans": "1"}).text
    assert all(words in text for words in ("Product 4", "Bought with it", "Who wants it", "/console/customer?id=user-"))
    hidden = console.get("/console/product", params={"item": "deposit", "fans": "1"}).text
    assert "This product is never shown" in hidden
    assert "/console/why?item=deposit" in hidden
    assert "no item" in console.get("/console/product", params={"item": "nothing"}).text
