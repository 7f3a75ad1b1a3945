"""A file that is imported again adds nothing, corrects its events, or is refused."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.store.open import open_store

AT = "2023-01-01T00:00:00Z"


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), *words])


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


ORDERS = f"customer,sku,at,order,paid,n\nu,a,{AT},o1,3.5,2\nu,a,{AT},o2,4,1\nv,b,{AT},o3,5,1\n"
COLUMNS = "user_id=customer,item_id=sku"


def stored(home: Path) -> list[tuple[str, str | None, float | None, float]]:
    events = [event for user in "uv" for event in open_store(home, None).user_events(user)]
    return sorted((event.item_id, event.order_id, event.price, event.quantity) for event in events)


@pytest.mark.parametrize(
    "first", [COLUMNS, f"{COLUMNS},order_id=order", f"{COLUMNS},price=n", "user_id=order,item_id=sku"]
)
def test_a_file_imported_anew_with_other_columns_corrects_its_lines(tmp_path: Path, first: str) -> None:
    file, home = written(tmp_path / "a.csv", ORDERS), tmp_path / "home"
    words = ("import", "events", file, "--kind", "purchase", "--map")
    run(home, *words, first)
    maps = f"{COLUMNS},order_id=order,price=paid,quantity=n"
    corrected = run(home, *words, maps, "--correct")
    assert "3 lines: 0 accepted, 0 duplicate, 3 corrected, 0 rejected" in corrected.stdout
    assert stored(home) == [("a", "o1", 3.5, 2.0), ("a", "o2", 4.0, 1.0), ("b", "o3", 5.0, 1.0)]
    again, plain = run(home, *words, maps, "--correct"), run(home, *words, maps)
    assert "0 accepted, 3 duplicate, 0 corrected" in again.stdout
    assert "0 accepted, 3 duplicate, 0 rejected" in plain.stdout
    assert "with other options" not in plain.stdout


def test_a_file_exported_anew_with_a_price_corrects_by_content_and_adds_what_is_new(tmp_path: Path) -> None:
    home, words = tmp_path / "home", ("--kind", "purchase", "--map", f"{COLUMNS},order_id=order")
    first = written(tmp_path / "a.csv", f"customer,sku,at,order\nu,a,{AT},o1\n")
    run(home, "import", "events", first, *words)
    second = written(tmp_path / "b.csv", ORDERS)
    result = run(home, "import", "events", second, *words, "--map", "price=paid", "--correct")
    assert "3 lines: 2 accepted, 0 duplicate, 1 corrected, 0 rejected" in result.stdout
    assert [price for _, _, price, _ in stored(home)] == [3.5, 4.0, 5.0]


BY_ORDER = ("--kind", "purchase", "--map", f"{COLUMNS},order_id=order")


def test_importing_again_with_more_columns_corrects_and_says_how_many_lines(tmp_path: Path) -> None:
    file, home = written(tmp_path / "a.csv", ORDERS), tmp_path / "home"
    run(home, "import", "events", file, *BY_ORDER)
    result = run(home, "import", "events", file, *BY_ORDER, "--map", "price=paid")
    assert "0 accepted, 0 duplicate, 3 corrected, 0 rejected" in result.stdout
    assert "its lines replaced the events that they became" in " ".join(result.stdout.split())
    assert [price for _, _, price, _ in stored(home)] == [3.5, 4.0, 5.0]
    again = run(home, "import", "events", file, *BY_ORDER, "--map", "price=paid")
    assert "0 accepted, 3 duplicate, 0 rejected" in again.stdout


@pytest.mark.parametrize(
    ("first", "second", "lacks"),
    [
        ((*BY_ORDER, "--map", "price=paid"), BY_ORDER, "a column for price"),
        (BY_ORDER, ("--kind", "view", *BY_ORDER[2:]), "the kind 'purchase'"),
        ((*BY_ORDER, "--decimal", "."), BY_ORDER, "--decimal"),
        ((*BY_ORDER, "--guest", "walk-in"), BY_ORDER, "--guest 'walk-in'"),
    ],
)
def test_importing_again_with_less_or_another_kind_is_refused_and_loses_nothing(
    tmp_path: Path, first: tuple[str, ...], second: tuple[str, ...], lacks: str
) -> None:
    file, home = written(tmp_path / "a.csv", ORDERS), tmp_path / "home"
    run(home, "import", "events", file, *first)
    before = stored(home)
    result = run(home, "import", "events", file, *second)
    assert (result.exit_code, f"it was imported before with {lacks}" in " ".join(result.output.split())) == (1, True)
    assert stored(home) == before


def test_two_kinds_of_one_file_go_in_beside_each_other(tmp_path: Path) -> None:
    file, home = written(tmp_path / "a.csv", ORDERS), tmp_path / "home"
    run(home, "import", "events", file, *BY_ORDER)
    views = ("--kind", "view", *BY_ORDER[2:])
    assert "3 accepted" in run(home, "import", "events", file, *views, "--no-correct").stdout
    other = tmp_path / "other"
    for kind, customer, n_lines in (("purchase", "u", 2), ("return", "v", 1)):
        words = ("--kind", kind, *BY_ORDER[2:], "--where", f"customer={customer}")
        assert f"{n_lines} accepted" in run(other, "import", "events", file, *words).stdout
        assert "0 accepted" in run(other, "import", "events", file, *words).stdout


def test_a_file_of_which_nothing_was_stored_is_new(tmp_path: Path) -> None:
    file, home = written(tmp_path / "a.csv", "user_id,item_id,at\nu,a,03/02/2024\n"), tmp_path / "home"
    assert run(home, "import", "events", file, "--kind", "view").exit_code == 3
    result = run(home, "import", "events", file, "--kind", "purchase", "--time-format", "%d/%m/%Y")
    assert "1 lines: 1 accepted, 0 duplicate, 0 rejected" in result.stdout


def test_a_file_exported_anew_with_other_columns_is_a_conflict_and_names_the_way(tmp_path: Path) -> None:
    file, home = written(tmp_path / "a.csv", ORDERS), tmp_path / "home"
    words = ("import", "events", file, "--kind", "purchase", "--map", f"{COLUMNS},order_id=order")
    run(home, *words)
    file = written(tmp_path / "b.csv", f"{ORDERS}\n")
    result = run(home, "import", "events", file, *words[3:], "--map", "price=paid")
    assert result.exit_code == 3
    assert "0 accepted, 0 duplicate, 3 rejected" in result.stdout
    assert "3 rejected: event_id: another event with this id is stored, and they differ: price" in result.stdout
    assert '"paid":"3.5"' in result.stdout
    assert "import it with --correct" in " ".join(result.stdout.split())
    assert [price for _, _, price, _ in stored(home)] == [None, None, None]
