"""Documents that people edit: what the pages of rules, promotions and segments do alike."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest

from tests.api.console.conftest import PIN, TENTH, Browser, SignedIn, digest_of_document


class Document(NamedTuple):
    """A page, the entry that `fields` make, and a text with a fault in its last line."""

    noun: str
    fields: Mapping[str, str]
    entry: str
    wrong: str

    @property
    def url(self) -> str:
        return f"/console/{self.noun}s"


DOCUMENTS = [
    Document("rule", PIN, "pin-item-020", '[[rules]]\nid = "odd"\nreason = "x"\nkind = "nothing"\n'),
    Document("promotion", TENTH, "10-off", '[[promotions]]\nid = "odd"\ntitle = "x"\nkind = "nothing"\n'),
]


@pytest.fixture(params=DOCUMENTS, ids=lambda document: document.noun)
def document(request: pytest.FixtureRequest) -> Document:
    chosen: Document = request.param
    return chosen


@pytest.fixture
def clean(console: Browser, document: Document) -> Iterator[Browser]:
    """A marketer whose document is empty, before and after."""
    yield console
    console.submit(f"{document.url}/save", toml="", digest=digest_of_document(console, document.url))


def test_an_entry_is_added_by_a_form_and_taken_away_again(clean: Browser, document: Document) -> None:
    noun, entry = document.noun, document.entry
    assert f"{noun.capitalize()} {entry} is in service." in clean.submit(f"{document.url}/add", **document.fields).text
    assert f"There are no {noun}s" in clean.submit(f"{document.url}/remove", **{noun: entry}).text
    assert f"there is no {noun}" in clean.submit(f"{document.url}/remove", **{noun: "nobody"}).text


def test_an_entry_gets_a_name_of_its_own_where_nobody_typed_one(clean: Browser, document: Document) -> None:
    for name in (document.entry, f"{document.entry}-2", f"{document.entry}-3"):
        assert f"{name} is in service." in clean.submit(f"{document.url}/add", **document.fields).text
    assert clean.submit(f"{document.url}/add", **document.fields, name=document.entry).status_code == 422


def test_a_preview_stores_nothing_and_keeps_what_was_typed(clean: Browser, document: Document) -> None:
    entry = clean.submit(f"{document.url}/preview-new", **document.fields).text
    assert "nothing is stored" in entry
    assert all(f'value="{typed}"' in entry for typed in document.fields.values())
    assert "nothing is stored" in clean.submit(f"{document.url}/preview", toml="").text
    assert f"There are no {document.noun}s" in clean.get(document.url).text


def test_a_text_with_a_fault_names_its_line_and_is_kept_in_the_form(clean: Browser, document: Document) -> None:
    for action in ("save", "preview"):
        answer = clean.submit(
            f"{document.url}/{action}", toml=document.wrong, digest=digest_of_document(clean, document.url)
        )
        assert (answer.status_code, "line 4" in answer.text, "&#34;odd&#34;" in answer.text) == (422, True, True)


def test_a_change_of_somebody_else_is_not_overwritten_and_versions_come_back(
    clean: Browser, document: Document
) -> None:
    before = digest_of_document(clean, document.url)
    clean.submit(f"{document.url}/add", **document.fields)
    assert clean.submit(f"{document.url}/save", toml="", digest=before).status_code == 422
    assert document.entry in clean.get(document.url).text
    number = re.findall(r'<option value="(\d+)">', clean.get(document.url).text)[0]
    clean.submit(f"{document.url}/remove", **{document.noun: document.entry})
    restored = clean.submit(f"{document.url}/restore", version=number).text
    assert f"The {document.noun}s of version {number} are in service again." in restored
    assert document.entry in restored


def test_a_segment_that_was_removed_comes_back_with_its_version(console: Browser) -> None:
    url, where = "/console/segments", '{"orders": {"gte": 1}}'
    console.submit(f"{url}/save", name="kept", where=where)
    number = re.findall(r'<option value="(\d+)">', console.get(url).text)[0]
    assert "open=kept" not in console.submit(f"{url}/remove", name="kept").text
    assert "open=kept" in console.submit(f"{url}/restore", version=number).text
    console.submit(f"{url}/remove", name="kept")


def test_a_viewer_sees_a_document_without_the_forms(signed_in: SignedIn, document: Document) -> None:
    text = signed_in("viewer").get(document.url).text
    assert f"There are no {document.noun}s" in text
    assert f"A new {document.noun}" not in text
    assert "Earlier versions" not in text
