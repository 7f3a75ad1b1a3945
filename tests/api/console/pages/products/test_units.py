"""Products in the console: units expected, and the search by name."""

from tests.api.console.conftest import Browser

URL = "/console/products"


def test_the_products_that_will_sell_stand_with_their_interval(console: Browser) -> None:
    assert 'hx-get="/console/products?units=1"' in console.get(URL).text
    text = console.get(URL, params={"units": "1"}).text
    assert all(words in text for words in ("Units expected", "interval of 80 %", "As of"))


def test_a_product_is_found_by_words_of_its_name(console: Browser) -> None:
    text = console.get(URL, params={"query": "PRODUCT 4"}).text
    assert 'href="/console/product?item=item-004"' in text
    assert "No product has all of these words" in console.get(URL, params={"query": "product nothing"}).text


def test_a_product_that_is_never_shown_is_found_by_its_category(console: Browser) -> None:
    text = console.get(URL, params={"query": "deposits"}).text
    assert 'href="/console/product?item=deposit"' in text
    assert 'data-label="Shown">never' in text
