"""Imports in the console: an upload, its look, a trial, the import and its refused lines, as somebody clicks."""

import io
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from recsys.data.store.open import open_store
from recsys.data.uploads import Upload, UploadFolder
from recsys.time_units import now_ms
from tests.api.console.conftest import HOSTILE, Browser, SignedIn

URL, ONE = "/console/imports", "/console/import"
TEXT = "Kunde;Artikel;Datum;Preis\n" + "".join(f"user-00{n};item-001;0{n}.04.2017 18:30;1,29\n" for n in range(1, 9))
LOOK: list[dict[str, Any]] = [
    {
        "path": "a.csv",
        "form": "CSV, utf-8, separator ;",
        "n_rows": 8,
        "table": "events",
        "profile": None,
        "columns": [
            {"column": "user_id", "target": "user_id", "examples": [HOSTILE]},
            {"column": "item_id", "target": "item_id", "examples": ["i"]},
            {"column": HOSTILE, "target": "at", "examples": []},
        ],
        "doubts": [f"{HOSTILE}: say --time-zone Europe/Berlin"],
        "words": ["recsys", "import", "events", "a.csv", "--kind", "purchase"],
    }
]
TRIED = {
    "files": [
        {
            "lines": 10,
            "rejected": 2,
            "file": "a.csv",
            "accepted": 8,
            "known": 0,
            "corrected": None,
            "left_out": 0,
            "n_short": 0,
            "notes": [HOSTILE],
            "rejects_file": None,
            "reasons": {"a time that cannot be read": 2},
            "hints": {"a time that cannot be read": "for other formats say --time-format"},
            "first": {"a time that cannot be read": [{"line": 3, "row": HOSTILE, "unread": [f"{HOSTILE} is 'never'"]}]},
        }
    ],
    "notes": [],
    "sample": [{"user_id": HOSTILE, "at": "2017-04-01 18:30:00 UTC"}],
    "findings": [],
}


@pytest.fixture
def upload(console_home: Path) -> Iterator[Upload]:
    """An upload that was looked at and tried."""
    folder = UploadFolder(console_home, 2**20)
    kept = folder.receive("a.csv", io.BytesIO(TEXT.encode()), now_ms())
    for step, report, code in (("look", LOOK, 0), ("try", TRIED, 3)):
        (kept.folder / f"{step}.out").write_bytes(orjson.dumps(report))
        kept.write(f"{step}.end", {"code": code, "ended_ms": now_ms()})
    yield kept
    folder.remove(kept)


def send(browser: Browser, name: str, content: bytes, **headers: str) -> Any:
    file = {"file": (name, content, "text/csv")}
    return browser.post(f"{URL}/upload", data={"csrf": browser.csrf}, files=file, headers=headers)


def test_the_page_shows_what_columns_are_taken_for_and_what_would_be_refused(
    signed_in: SignedIn, upload: Upload
) -> None:
    text = signed_in("operator").get(ONE, params={"upload": upload.token}).text
    assert '"><img' not in text
    assert "<script>alert" not in text
    for words in ("CSV, utf-8, separator ;", "is &#39;never&#39;", "the field “Format of times”", "20.0 %"):
        assert words in text
    assert '<option value="at" selected>time</option>' in text
    assert "write into the field “Time zone”: Europe/Berlin" in text
    assert "More lines would be refused than you allow" in text
    assert upload.token in signed_in("operator").get(URL).text


def test_a_choice_that_cannot_be_is_told_above_the_form_as_it_was_typed(signed_in: SignedIn, upload: Upload) -> None:
    fields = {"upload": upload.token, "table": "events", "column_0": "user_id", "column_1": "user_id"}
    answer = signed_in("operator").submit(f"{ONE}/try", **fields)
    assert (answer.status_code, "both taken for customer" in answer.text) == (422, True)
    assert answer.text.count('<option value="user_id" selected>') == 2


def test_a_file_that_is_missing_of_another_kind_or_too_large_is_told_in_words(signed_in: SignedIn) -> None:
    operator = signed_in("operator")
    assert "choose a file first" in operator.submit(f"{URL}/upload").text
    assert "is of no kind that is read" in send(operator, "a.exe", b"x").text
    answer = send(operator, "a.csv", b"x", **{"content-length": str(10**12)})
    assert (answer.status_code, "larger than 256 MiB: part it" in answer.text) == (413, True)
    answer = operator.submit("/console/keys/create", name="x" * 9_000_000)
    assert (answer.status_code, "more than a form may hold" in answer.text) == (413, True)


def test_an_upload_that_is_gone_is_told_and_one_is_removed_by_hand(signed_in: SignedIn, upload: Upload) -> None:
    operator = signed_in("operator")
    assert "is removed" in operator.submit(f"{ONE}/remove", upload=upload.token).text
    assert "this upload is gone" in operator.get(ONE, params={"upload": upload.token}).text
    assert "cut short" not in operator.get(URL).text


def waited(browser: Browser, token: str) -> str:
    """The page once the job has ended."""
    for _ in range(600):
        text: str = browser.get(ONE, params={"upload": token}).text
        if "hx-trigger" not in text:
            return text
        time.sleep(0.1)
    raise AssertionError("the job does not end")


@pytest.mark.slow
def test_a_file_is_uploaded_tried_imported_and_its_refused_lines_come_back(
    signed_in: SignedIn, console_home: Path
) -> None:
    operator = signed_in("operator")
    token = str(send(operator, "a.csv", f"{TEXT}user-001;;01.04.2017;1,29\n".encode()).url.params["upload"])
    assert "separator ;" in waited(operator, token)
    columns = {"column_0": "user_id", "column_1": "item_id", "column_2": "at", "column_3": "price"}
    form = {"upload": token, "table": "events", "kind": "purchase", "decimal": ",", "max_refused": "20", **columns}
    with closing(open_store(console_home, None)) as store:
        before = store.head()
        operator.submit(f"{ONE}/try", **form)
        tried = waited(operator, token)
        assert "Tried: nothing was stored" in tried
        assert "no item_id" in tried
        assert store.head() == before
        operator.submit(f"{ONE}/import", **form)
        assert "<h2>Imported</h2>" in waited(operator, token)
        assert store.head() == before + 8
        (run,) = store.runs(job="import")
        assert (run.verdict, run.cause.startswith("console, key ")) == ("done", True)
        pages = {row.page: row.detail for row in store.audit(newest=20) if row.detail}
        assert pages["/import/import"] == f"import events of upload {token}"
    refused = operator.submit(f"{ONE}/refused", upload=token)
    assert refused.headers["content-type"].startswith("text/csv")
    assert refused.text.splitlines() == [
        "line,reason,Kunde,Artikel,Datum,Preis",
        '10,no item_id,user-001,,01.04.2017,"1,29"',
    ]
    assert "a.csv" in operator.get(URL).text


@pytest.mark.slow
def test_a_file_that_cannot_be_read_says_why(signed_in: SignedIn) -> None:
    operator = signed_in("operator")
    token = str(send(operator, "a.parquet", b"no parquet at all").url.params["upload"])
    assert "The file cannot be read" in waited(operator, token)
