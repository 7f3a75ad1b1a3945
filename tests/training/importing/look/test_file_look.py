"""Look at a file: the guess about columns and format, its doubts, and a command that imports the file as it stands."""

import json
import shlex
from datetime import datetime
from pathlib import Path
from zipfile import ZipFile

import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.events import Event
from recsys.data.store.open import open_store
from recsys.errors import BadInput
from tests.workbooks import write_workbook
from training.importing.look.file_look import FileLook, look_at
from training.importing.profiles.profile import profile_names

NOW_MS = 1_798_761_600_000  # 2027
EXPORTS = Path(__file__).parents[3] / "data" / "exports"


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), *words])


def looked(folder: Path, text: str, name: str = "file.csv", encoding: str = "utf-8") -> FileLook:
    (folder / name).write_bytes(text.encode(encoding))
    return look_at(folder / name, now_ms=NOW_MS)


def targets(look: FileLook) -> dict[str, str]:
    return {each.target: each.column for each in look.columns if each.target is not None}


FILES = {  # files as shops have them, and options that the command must hold
    "german.csv": (
        "Kunde;Artikel;Datum;Auftrag;Menge;Einzelpreis\nc1;tee;2026-11-01 10:00:00;1;1;3,50\n"
        "c2;kanne;2026-11-02 11:00:00;2;1;1.020,00\n",
        "--decimal ,",
    ),
    "french.csv": ("client;produit;date_commande;quantité;prix\nc1;thé;2026-11-01;2;3,5\n", "--decimal ,"),
    "orders.jsonl": (
        '{"id": "o1", "customer": {"id": 77, "email": "a@shop.example"}, "created_at": "2026-11-01T10:00:00+01:00", '
        '"line_items": [{"sku": "TEA", "quantity": 1}, {"sku": "MUG", "quantity": 2}]}\n',
        "--explode line_items",
    ),
    "baskets.jsonl": ('{"user": "c1", "skus": ["tea", "mug"], "at": "2026-11-01T10:00:00Z"}\n', "--explode skus"),
    "slashes.csv": ("user,item,when\nu,a,03/02/2024 10:00\nu,b,31/01/2024 9:00\n", "--time-format '%d/%m/%Y %H:%M'"),
    "american.csv": ("user,item,when\nu,a,03/02/2024\nu,b,1/31/2024\n", "--time-format %m/%d/%Y"),
    "kinds.csv": (
        "timestamp,visitor,event,item\n1764400000000,c1,view_item,a\n1764400001000,c1,addtocart,a\n"
        "1764400002000,c1,transaction,a\n",
        "--kinds view_item=view,addtocart=cart,transaction=purchase",
    ),
    "ratings.csv": ("userId,movieId,stars,time\n1,2,3.5,1147880044\n", "--kind rating"),
    "first-lines.csv": (
        "Name,Email,Paid at,Lineitem quantity,Lineitem sku\n#1,a@shop.example,2026-11-05 10:01:02 +0100,1,MUG\n"
        "#1,a@shop.example,,1,SHIRT\n#2,b@shop.example,2026-11-06 10:01:02 +0100,1,MUG\n",
        "order_id=Name",
    ),
    "thousands.csv": ("user,item,date,price\nu,a,2026-11-01,\"1,299.50\"\n", "--decimal ."),
    "nobody.csv": ("customer,sku,date,order\n0,a,2026-11-01,o1\nguest,b,2026-11-01,o2\n", "--kind purchase"),
    "plain.txt": ("user_id\titem_id\tat\nu\ta\t2026-11-01\n", "--format csv"),
    "plain.csv": ("user_id,item_id,at\nu,a,2026-11-01\n", "--kind purchase"),
    "retailrocket-like.csv": (
        "timestamp,visitorid,event,itemid,transactionid\n1764400000000,c1,view,a,\n1764400001000,c1,add_to_cart,a,\n",
        "--profile retailrocket",
    ),
    "old-shopify-products.csv": (
        "Handle,Title,Vendor,Type,Variant SKU,Variant Price,Variant Inventory Qty,Status\n"
        "mug,Mug,Clayworks,Mugs,MUG-B,12.50,7,active\n",
        "recsys import items",
    ),
    "products.csv": ("SKU;Name;Preis, EUR;Bestand\nA;Tee;3,50;1.000\n", "--decimal ,"),
    "products.jsonl": ('{"id": 7, "title": "Tea", "categories": ["Drinks", "Tea"], "price": 3.5}\n', "categories.0"),
    "customers.csv": ("Customer ID,Age,City\nc1,30,Bern\n", "recsys import users"),
    "till.csv": (  # credit notes, guests, day and time of day in two columns
        "Date,Time,Item,SKU,Qty,Net Sales,Transaction ID,Customer ID\n3/13/2026,10:01,Tea,T,2,\"$1,006.50\",t1,c1\n"
        "3/14/2026,1:02 PM,Mug,M,-1,($15.00),t2,\n",
        "at=Date+Time",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_the_printed_command_imports_every_line(tmp_path: Path, name: str) -> None:
    text, option = FILES[name]
    look = looked(tmp_path, text, name)
    assert option in shlex.join(look.words)
    result = run(tmp_path / "home", *look.words[1:])
    assert (result.exit_code, ", 0 rejected" in result.stdout) == (0, True), result.output


@pytest.mark.parametrize("name", profile_names())
def test_an_export_is_recognised_and_its_command_imports_it(tmp_path: Path, name: str) -> None:
    (path,) = [*EXPORTS.glob(f"{name}.*"), *EXPORTS.glob(f"{name}/order_products*")]
    look = look_at(path, now_ms=NOW_MS)
    assert look.profile == name
    result = run(tmp_path / "home", *look.words[1:])
    assert (result.exit_code, ", 0 rejected" in result.stdout) == (0, True), result.output


FOREIGN = {  # files of other shops: columns that are taken, in the order of the targets below
    "turkish.csv": (
        "Müşteri No;Ürün Kodu;Ürün;Tarih;Adet;Birim Fiyat\nu;a;Çay;05.03.2026 10:00;1;1.234,56 TL\n",
        ("Müşteri No", "Ürün Kodu", "Tarih", "Adet", "Birim Fiyat"),
    ),
    "spanish.csv": (
        "Número de cliente;Código de producto;Fecha de pedido;Unidades;Precio unitario\nu;a;25/03/2026;1;12,50 €\n",
        ("Número de cliente", "Código de producto", "Fecha de pedido", "Unidades", "Precio unitario"),
    ),
    "japanese.csv": (
        "顧客ID,商品コード,注文日,数量,単価\nU1,紅茶,2026/03/05,1,350\n",
        ("顧客ID", "商品コード", "注文日", "数量", "単価"),
    ),
    "shop.csv": (
        "Order ID,Order Date,Customer User,Item #,Item Name,SKU,Quantity,Price\n1,2026-03-05,7,1,Mug,M,1,$15.00\n",
        ("Customer User", "SKU", "Order Date", "Quantity", "Price"),
    ),
    "analytics.jsonl": (
        '{"userId": "u", "timestamp": "2026-03-05T10:00:00Z", "properties": {"order_id": "o", "products": '
        '[{"product_id": "a", "price": 19, "quantity": 1}]}}\n',
        ("userId", *(f"properties.products.{key}" for key in ("product_id", "timestamp", "quantity", "price"))),
    ),
    "documents.jsonl": (
        '{"user": {"$oid": "65aa"}, "sku": "a", "price": {"$numberDecimal": "12.5"}, "qty": {"$numberInt": "2"}, '
        '"createdAt": {"$date": {"$numberLong": "1772704802123"}}}\n',
        ("user.$oid", "sku", "createdAt.$date.$numberLong", "qty.$numberInt", "price.$numberDecimal"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_columns_of_other_languages_and_systems_are_known(tmp_path: Path, name: str) -> None:
    text, columns = FOREIGN[name]
    look = looked(tmp_path, text, name)
    assert look.table == "events"
    found = tuple(targets(look)[each] for each in ("user_id", "item_id", "at", "quantity", "price"))
    assert found == tuple("timestamp" if each.endswith(".timestamp") else each for each in columns)
    assert [doubt for doubt in look.doubts if "refused" in doubt] == []


def test_columns_of_a_file_in_cp1252_are_read_with_their_numbers_and_times(tmp_path: Path) -> None:
    look = looked(tmp_path, "Kunde;Artikel;Datum;Preis\nGrün;Süßholz;31.01.2024 10:00;1.299,50\n", encoding="cp1252")
    assert ("--encoding", "cp1252") in zip(look.words, look.words[1:], strict=False)
    run(tmp_path / "home", *look.words[1:])
    (event,) = [Event._make(row) for frame in open_store(tmp_path / "home", None).scan() for row in frame.rows()]
    assert (event.user_id, event.item_id, event.price, event.at_ms) == ("Grün", "Süßholz", 1299.5, 1_706_695_200_000)


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("user,item,date\nu,a,2026-11-01\n", "no column of kinds: each line is taken for a purchase"),
        ("user,item,date\nu,a,2026-11-01 10:00\n", "2026-11-01 10:00 has no time zone"),
        ("user,item,date\nu,a,03/02/2024\n", "if it is the month, say --time-format '%m/%d/%Y'"),
        ("user,item,date,price\nu,a,2026-11-01,\"1,299\"\n", "1,299 is read as 1299"),
        ("user,item,date,event\nu,a,2026-11-01,view\nu,a,2026-11-01,wave\n", "event: the kind of wave is not known"),
        ("user,item,date,event\nu,a,2026-11-01,view\nu,a,2026-11-01,wave\n", "1 of 2 rows would be refused: an unk"),
        ("user,item,date,status\nu,a,2026-11-01,paid\nu,a,2026-11-01,refunded\n", "--where 'status!=refunded'"),
        ("sku,date,order\na,2026-11-01,o1\n", "no column looks like user_id"),
        ("196,242,3,881250949\n186,302,3,891717742\n", "give them to the import, such as --header user_id,item_id,at"),
        ("user,item,date\nu,a,2099-11-01\n", "1 of 1 rows would be refused: a time in the future"),
        ("user,item,date\nu,a,2026-11-01,x\nu,b,2026-11-01\n", "1 of 2 rows would be refused: the line has 4 fields"),
        ("user,item,date\nu,a,26-03-05\nu,b,25-12-25\n", "if it is the year, say --time-format '%y-%m-%d'"),
        ("user,item,date\nu,a,46086.5\n", "46086.5 is taken for the day number of a spreadsheet, 2026-03-05 12:00:00"),
        ("user,item,date\nu,a,soon\nu,a,late\n", "date: it has a name for at, but 'soon' is no time: left out"),
        ("user,item,date,preis\nu,a,2026-11-01,dear\n", "preis: it has a name for price, but 'dear' is no n"),
        ("user,item,date,price\nu,a,2026-11-01,$1\nu,b,2026-11-01,2 EUR\n", "several currencies ($, EUR)"),
        ("user,item,date\n13085.0,a,2026-11-01\n", "ids such as 13085.0 stay as they are; 13085 is another id"),
        ("user,item,date,order,n\nu,a,2026-11-01,o,1\n,a,2026-11-01,p,1\n", "user is empty in 1 orders"),
        ("user,item,date,qty\nu,a,2026-11-01,-12\n", "qty has values below 0, such as -12: such lines"),
        ("customer,order,date,total\nu,1,2026-11-01,3\n", "no column looks like item_id"),
        ("customer,city\nu,Bern\nu,Bern\n", "customer stands in several lines"),
        ("u^i^t\nu^a^2026-11-01\n", "only one column was found, 'u^i^t'"),
        ("sku,name\n1.23E+12,Tea\n", "1 of 1 rows would be refused: item_id: an id that a spreadsheet rounded"),
    ],
)  # fmt: skip
def test_what_is_doubtful_is_said(tmp_path: Path, text: str, doubt: str) -> None:
    doubts = looked(tmp_path, text).doubts
    assert [each for each in doubts if doubt in each], doubts


def test_the_encoding_that_was_guessed_is_shown(tmp_path: Path) -> None:
    look = looked(tmp_path, "user;item;date\nŞükrü;a;2026-11-01\n", encoding="cp1254")
    assert "the file is not UTF-8; as cp1254 it holds 'Şükrü'; if that is wrong, name its --encoding" in look.doubts


def test_the_id_of_the_shop_goes_before_a_barcode_and_dates_that_mean_never_are_dates(tmp_path: Path) -> None:
    look = looked(tmp_path, "id,title,gtin,available until\nA,Tea,4006381333931,9999-12-31\nB,Mug,4006381333948,\n")
    assert targets(look) | {"attribute": ""} == {
        "item_id": "id", "name": "title", "attribute": "", "available_until": "available until"
    }  # fmt: skip


def test_ratings_without_times_are_no_catalogue(tmp_path: Path) -> None:
    look = looked(tmp_path, "User-ID;ISBN;Book-Rating\n1;a;5\n2;b;6\n")
    assert (look.table, targets(look)["rating"]) == ("events", "Book-Rating")
    assert "no column looks like at; name it: --map at=COLUMN" in look.doubts


def test_a_column_of_a_usual_name_whose_values_do_not_fit_is_not_taken(tmp_path: Path) -> None:
    look = looked(tmp_path, "customer,sku,date,ordered,betrag\nu,a,soon,2026-11-01,much\n")
    assert targets(look) == {"user_id": "customer", "item_id": "sku", "at": "ordered"}


def test_a_look_shows_examples_and_a_command_in_short_lines_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(FILES["german.csv"][0])
    result = run(tmp_path / "home", "import", "--look", str(tmp_path / "a.csv"))
    lines = [line.replace(str(tmp_path), "") for line in result.stdout.splitlines()]
    assert [line for line in lines if line.startswith(("  ", "- ")) and len(line) > 80] == []
    assert "Einzelpreis\tprice\t3,50 1.020,00" in result.stdout
    assert "To import it:" in result.stdout
    assert not (tmp_path / "home").exists()


def test_scripts_read_the_guess_as_json(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(FILES["german.csv"][0])
    (guess,) = json.loads(run(tmp_path / "home", "import", "--look", str(tmp_path / "a.csv"), "--json").stdout)
    assert (guess["table"], guess["profile"], guess["n_rows"]) == ("events", None, 2)
    assert guess["columns"][0] == {"column": "Kunde", "target": "user_id", "examples": ["c1", "c2"]}
    assert shlex.split(guess["command"]) == guess["words"]


def test_every_table_of_an_archive_is_looked_at_with_its_encoding(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("orders.csv", "Kunde;Artikel;Datum\nGrün;Süßholz;2026-11-01\n".encode("cp1252"))
        archive.writestr("items.csv", "sku,name\n1,Tea\n")
    guesses = json.loads(run(tmp_path / "home", "import", "--look", str(tmp_path / "export.zip"), "--json").stdout)
    assert [(guess["table"], guess["form"]) for guess in guesses] == [
        ("items", "CSV, utf-8, separator ,"),
        ("events", "CSV, cp1252, separator ;"),
    ]
    for guess in guesses:
        result = run(tmp_path / "home", *guess["words"][1:])
        assert "1 lines: 1 accepted" in result.stdout, result.output


def test_a_workbook_is_looked_at_and_its_command_imports_it(tmp_path: Path) -> None:
    cells: list[list[object]] = [["customer", "sku", "bought", "price"], ["c1", "tea", datetime(2026, 11, 1, 10), 3.5]]
    look = look_at(write_workbook(tmp_path / "orders.xlsx", {"orders": cells, "notes": cells}), now_ms=NOW_MS)
    assert "the sheet orders is read; others are notes: name one with --sheet" in look.doubts
    assert targets(look) == {"user_id": "customer", "item_id": "sku", "at": "bought", "price": "price"}
    assert "1 lines: 1 accepted" in run(tmp_path / "home", *look.words[1:]).stdout


def test_standard_input_cannot_be_looked_at(tmp_path: Path) -> None:
    result = run(tmp_path / "home", "import", "--look", "-")
    assert (result.exit_code, "save standard input as a file first" in result.output) == (1, True)


def test_columns_without_a_target_are_attributes_of_items_and_left_out_of_events(tmp_path: Path) -> None:
    items = looked(tmp_path, "sku,name,grams\n1,Tea,300\n")
    events = looked(tmp_path, "user,item,date,grams\nu,a,2026-11-01,300\n")
    assert [look.columns[-1].target for look in (items, events)] == ["attribute", None]
    shop = look_at(EXPORTS / "shopify-products.csv", now_ms=NOW_MS)
    kept = {each.column: each.target for each in shop.columns}
    assert (kept["Tags"], kept["Body (HTML)"], kept["Title"]) == ("attribute", None, "name")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "user,item,date\n", "a.csv: holds no rows"),
        ("a.jsonl", "[1]\n", "a.jsonl: no row can be read; line 1 is no JSON object"),
    ],
)
def test_a_file_without_rows_is_no_guess(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        looked(tmp_path, text, name)
