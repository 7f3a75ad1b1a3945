"""Names of products while somebody types in a form."""

from tests.api.console.conftest import Browser


def test_words_of_a_name_bring_the_ids_that_a_form_needs(console: Browser) -> None:
    text = console.get("/console/products/names", params={"product": "Product 4"}).text
    assert '<option value="item-004">Product 4</option>' in text
    assert "No product matches." in console.get("/console/products/names").text


def test_a_form_that_needs_a_product_asks_for_its_name_while_it_is_typed(console: Browser) -> None:
    for page in ("/console/rules", "/console/why", "/console/campaigns"):
        assert 'hx-get="/console/products/names"' in console.get(page).text
