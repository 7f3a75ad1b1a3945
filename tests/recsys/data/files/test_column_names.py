"""Column names: the usual ones are recognised, given ones go first, and no column is two things."""

from pathlib import Path

import pytest

from recsys.data.files.column_mapping import ColumnMapping
from recsys.data.files.column_names import USUAL_NAMES, guess_column, guess_columns
from recsys.errors import BadInput


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
        ("user_id", "Número de cliente"),
        ("user_id", "order.customer.id"),
        ("user_id", "Müşteri No"),
        ("price", "Preis (zzgl. MwSt.)"),
        ("user_id", "顧客ID"),
        ("item_id", "Артикул"),
        ("price", "price.$numberDecimal"),
    ],
)
def test_accents_units_and_parts_of_objects_do_not_hide_a_usual_name(target: str, column: str) -> None:
    assert guess_column(target, ["other", column]) == column


def test_an_id_goes_before_a_word_that_may_be_a_name() -> None:
    assert guess_column("item_id", ["Artikel", "Art.-Nr."]) == "Art.-Nr."
    assert guess_column("item_id", ["Item #", "SKU"]) == "SKU"
    assert guess_column("item_id", ["sku", "item"]) == "item"
    assert guess_column("user_id", ["session", "email", "customer"]) == "customer"


def test_the_name_of_an_object_is_not_its_id() -> None:
    assert guess_column("user_id", ["customer.name"]) is None


def test_every_target_is_known_by_its_own_name() -> None:
    assert [target for target in USUAL_NAMES if guess_column(target, [target]) != target] == []


def test_what_is_given_goes_first_and_no_column_is_two_things() -> None:
    columns = ["customer", "product", "quantity", "date"]
    guesses = guess_columns(("user_id", "item_id", "quantity", "weight", "at"), columns, {"weight": "quantity"})
    assert guesses == {"weight": "quantity", "user_id": "customer", "item_id": "product", "at": "date"}


@pytest.mark.parametrize("targets", [("user_id", "item_id", "at", "quantity"), ("user", "item", "time", "weight")])
def test_a_map_may_use_the_words_of_imports_and_those_of_evaluations(targets: tuple[str, ...]) -> None:
    for words in ("user_id=a,item_id=b,at=c,quantity=d", "user=a,item=b,time=c,weight=d"):
        assert ColumnMapping.parse((words,), (), targets).column == dict(zip(targets, "abcd", strict=True))
    with pytest.raises(BadInput, match="user_id is given twice|user is given twice"):
        ColumnMapping.parse(("user_id=a,user=b",), (), targets)


def test_a_missing_column_is_looked_for_under_its_usual_names() -> None:
    with pytest.raises(BadInput, match="the file has Kunde, Artikel; name the one that holds it: --map user_id=Kunde"):
        ColumnMapping({}, {}).check(Path("a.csv"), ("Kunde", "Artikel"), needed=("user_id",))
