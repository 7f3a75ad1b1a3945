"""Column names: the usual ones are recognised, given ones go first, and no column is two things."""

import pytest

from recsys.data.files.column_names import USUAL_NAMES, guess_column, guess_columns


def test_a_usual_name_is_recognised_whatever_its_signs_and_case() -> None:
    assert [guess_column("user_id", [name]) for name in ("customer_id", "CustomerID", "user_id:token")] == [
        "customer_id",
        "CustomerID",
        "user_id:token",
    ]


def test_a_column_of_another_name_is_not_guessed() -> None:
    assert guess_column("user_id", ["colour", "item_id"]) is None


@pytest.mark.parametrize(
    ("target", "column"),
    [
        ("price", "Preis, EUR"),
        ("price", "Unit price (net)"),
        ("quantity", "Stück"),
        ("quantity", "Quantité"),
        ("item_id", "line_items.sku"),
        ("user_id", "customer.id"),
        ("category", "categories.0"),
    ],
)
def test_accents_units_and_parts_of_objects_do_not_hide_a_usual_name(target: str, column: str) -> None:
    assert guess_column(target, ["other", column]) == column


def test_the_name_of_an_object_is_not_its_id() -> None:
    assert guess_column("user_id", ["customer.name"]) is None


def test_every_target_is_known_by_its_own_name() -> None:
    assert [target for target in USUAL_NAMES if guess_column(target, [target]) != target] == []


def test_what_is_given_goes_first_and_no_column_is_two_things() -> None:
    columns = ["customer", "product", "quantity", "date"]
    guesses = guess_columns(("user_id", "item_id", "quantity", "weight", "at"), columns, {"weight": "quantity"})
    assert guesses == {"weight": "quantity", "user_id": "customer", "item_id": "product", "at": "date"}
