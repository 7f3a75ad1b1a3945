"""Form of an import: words of the command line from what a look guessed and a person chose, and faults in words."""

from typing import Any

import pytest

from api.console.imports.form import ImportForm, plain_words
from recsys.errors import BadInput

LOOK: dict[str, Any] = {
    "table": "events",
    "profile": None,
    "columns": [
        {"column": "customer", "target": "user_id"},
        {"column": "item_id", "target": "item_id"},
        {"column": "when", "target": "at"},
        {"column": "shop", "target": None},
    ],
    "words": [
        *("recsys", "import", "events", "a.csv", "--map", "user_id=customer,at=when", "--kind", "purchase"),
        *("--decimal", ",", "--time-format", "%d/%m/%Y", "--time-format", "%d.%m.%Y"),
    ],
}


def typed(**fields: str) -> ImportForm:
    columns = {"column_0": "user_id", "column_1": "item_id", "column_2": "at"}
    given = {"table": "events", "kind": "purchase", **columns, **fields}
    return ImportForm.of_fields(lambda name: given.get(name, ""), LOOK)


def test_what_a_look_guessed_gives_the_words_that_import_it() -> None:
    words = ImportForm.of_look(LOOK).words("a.csv")
    assert words[:6] == ["events", "a.csv", "--map", "user_id=customer", "--map", "at=when"]
    times = ["--time-format", "%d/%m/%Y", "--time-format", "%d.%m.%Y"]
    assert words[6:] == ["--kind", "purchase", *times, "--decimal", ",", "--max-refused", "1"]


def test_a_form_comes_back_from_its_document() -> None:
    form = typed(column_3="channel", **{"time-zone": "Europe/Berlin"}, has_returns="1")
    assert ImportForm.of_document(form.as_document()) == form
    assert form.words("a.csv")[-5:] == ["--time-zone", "Europe/Berlin", "--returns-by-sign", "--max-refused", "1"]


def test_columns_of_products_are_kept_as_attributes_where_they_are_chosen() -> None:
    def words(**fields: str) -> list[str]:
        nothing = {"column_0": "", "column_2": "", "kind": ""}
        return typed(table="items", **{**nothing, **fields}).words("a.csv")[2:-2]

    assert words() == ["--no-attributes"]
    assert words(column_3="attribute") == ["--keep", "shop"]
    assert words(column_0="attribute", column_2="attribute", column_3="attribute") == []


def test_an_export_that_is_known_is_read_by_its_profile() -> None:
    look = {**LOOK, "profile": "shopify-orders"}
    given = {"table": "events", "profile": "1", "time-zone": "UTC"}
    words = ImportForm.of_fields(lambda name: given.get(name, ""), look).words("a.csv")
    assert words == ["--profile", "shopify-orders", "a.csv", "--time-zone", "UTC", "--max-refused", "1"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"column_3": "at"}, "both taken for time"),
        ({"column_2": ""}, "no column is taken for time"),
        ({"column_3": "stock"}, "holds no stock"),
        ({"column_1": "", "column_3": "order_id"}, "read as product for its name"),
        ({"max_refused": "many"}, "number of percent"),
        ({"kind": "theft"}, "no kind of events"),
        ({"table": "robots"}, "say what the file holds"),
    ],
)
def test_what_cannot_be_read_so_is_told_in_words(fields: dict[str, str], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        typed(**fields).words("a.csv")


def test_a_column_whose_name_has_a_sign_of_the_command_line_is_to_be_renamed() -> None:
    form = ImportForm("users", columns={"id, of customer": "user_id"})
    with pytest.raises(BadInput, match="rename it in the file"):
        form.words("a.csv")


def test_advice_names_the_fields_of_the_form() -> None:
    assert plain_words("say --decimal , if 3,50 is") == "write into the field “Decimal sign”: , if 3,50 is"
    assert "choose the column of the time below" in plain_words("no column looks like at; name it: --map at=COLUMN")
    assert plain_words("if not, change --kind") == "if not, change the field “Kind of lines without one”"
    assert (
        plain_words("are returns, say --returns-by-sign; or") == "are returns, tick “Negative numbers are returns”; or"
    )
    assert plain_words("see --help") == "see --help"
