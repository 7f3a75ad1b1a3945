"""Import profiles: their keys are the options of the command, and what is wrong in one is named."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.store.open import open_store
from training.importing.profiles.profile import load_profile, profile_names

ROWS = "customer,sku,bought,paid\nu,a,2024-01-31,3.5\nu,b,2024-01-31,4\n"
MINE = """
import = "events"
kind = "purchase"
[map]
user_id = "customer"
item_id = "sku"
at = "bought"
"""


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), *words])


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "orders.csv").write_text(ROWS)
    return str(tmp_path / "orders.csv")


def profile(tmp_path: Path, text: str) -> str:
    (tmp_path / "mine.toml").write_text(text)
    return str(tmp_path / "mine.toml")


def test_a_profile_of_ones_own_imports_a_file(tmp_path: Path, file: str) -> None:
    for command in (("import",), ("import", "events")):
        result = run(tmp_path / "home", *command, "--profile", profile(tmp_path, MINE), file)
        assert "2 lines: " in result.stdout, result.output
    assert "0 accepted, 2 duplicate, 0 rejected" in result.stdout
    assert len(open_store(tmp_path / "home", None).user_events("u")) == 2


def test_an_option_on_the_command_line_wins(tmp_path: Path, file: str) -> None:
    words = ("--kind", "cart", "--map", "price=paid,user_id=sku")
    run(tmp_path / "home", "import", "--profile", profile(tmp_path, MINE), file, *words)
    (event,) = open_store(tmp_path / "home", None).user_events("a")
    assert (event.kind, event.price, event.item_id) == (3, 3.5, "a")


def test_a_constant_on_the_command_line_takes_the_place_of_a_column(tmp_path: Path, file: str) -> None:
    words = ("--const", "user_id=everybody", file)
    assert "2 accepted" in run(tmp_path / "home", "import", "--profile", profile(tmp_path, MINE), *words).stdout
    assert len(open_store(tmp_path / "home", None).user_events("everybody")) == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('kin = "view"', "there is no key 'kin' (its value is 'view'); did you mean 'kind'?"),
        ("correct = true", "there is no key 'correct'"),
        ('kind = "vew"', "--kind vew: there is no such kind; did you mean 'view'?"),
        ('kind = ["a"]', "kind is ['a']; write a text or a number"),
        ("decimal = 3", "--decimal 3: use , or ."),
        ('time-format = "%d/%d"', "--time-format %d/%d: is no format of a day"),
        ('explode = "x"', "--explode x: "),
        ('guests = "no"', "guests is 'no'; write true or false"),
        ("guest = [1]", "guest is [1]; write a text, or a list of texts"),
        ('map = "user_id=customer"', "map is 'user_id=customer'; write a table of texts"),
        ('map = { usr_id = "customer" }', "--map usr_id=customer: there is no usr_id; did you mean 'user_id'?"),
        ('kinds = { sale = "buy" }', "--kinds sale=buy: there is no kind 'buy'"),
        ('max-refused = "all"', "max-refused"),
        ('import = "event"', "import is 'event'; write one of events, items, users"),
        ("map = {", "is no TOML"),
    ],
)
def test_a_wrong_line_of_a_profile_is_named(tmp_path: Path, file: str, line: str, message: str) -> None:
    lines = 'import = "events"\n' if not line.startswith("import") else ""
    name = profile(tmp_path, f"{lines}{line}\n")
    result = run(tmp_path / "home", "import", "events", "--profile", name, file)
    output = " ".join(result.output.split())
    assert result.exit_code in (1, 2)
    assert message in output
    assert f"profile {name}: " in output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("events", "--profile", "movilens", "x.csv"), "--profile movilens: did you mean 'movielens'?"),
        (("events", "--profile", "no.toml", "x.csv"), "--profile no.toml: no such file"),
        (("items", "--profile", "movielens", "x.csv"), "it is for events; say recsys import events"),
    ],
)
def test_a_profile_that_does_not_fit_is_named(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    result = run(tmp_path, "import", *words)
    assert (result.exit_code, message in result.output) == (1, True)


def test_a_file_without_a_table_is_told_how_to_go_on(tmp_path: Path, file: str) -> None:
    result = run(tmp_path / "home", "import", file)
    assert (result.exit_code, "recsys import events" in result.output) == (1, True)


def test_the_profiles_are_listed_and_one_can_be_copied(tmp_path: Path) -> None:
    listed = run(tmp_path, "import", "--profiles").stdout
    assert [name for name in profile_names() if name not in listed] == []
    shown = run(tmp_path, "import", "--profile", "otto", "--show-profile").stdout
    assert load_profile(profile(tmp_path, shown)).options == load_profile("otto").options
    assert '"name": "otto"' in run(tmp_path, "import", "--profiles", "--json").stdout


def test_the_name_of_a_shop_system_chooses_the_profile_that_fits_the_file(tmp_path: Path) -> None:
    exports = Path(__file__).parents[3] / "data" / "exports"
    orders, products = exports / "woocommerce-orders.jsonl", exports / "woocommerce-products.csv"
    assert "4 accepted" in run(tmp_path / "a", "import", "--profile", "woocommerce", str(orders)).stdout
    assert "2 accepted" in run(tmp_path / "a", "import", "--profile", "woocommerce", str(products)).stdout
    assert "4 accepted" in run(tmp_path / "b", "import", "events", "--profile", "woocommerce", str(orders)).stdout
    other = run(tmp_path / "c", "import", "--profile", "woocommerce", str(exports / "movielens.csv"))
    assert (other.exit_code, "name one of woocommerce-orders, woocommerce-products" in other.output) == (1, True)
