"""Text of a document: an entry comes in or goes out, and the rest stays as it was written."""

from datetime import date

import pytest

from api.console.forms.toml_text import with_entry, without_entry
from recsys.errors import BadInput


def test_a_rule_in_and_out_leaves_the_text_with_its_comments() -> None:
    first, last = ('# a\n[[rules]]\nid = "a"\n', '[[rules]]\nid = "b"\nfactor = 2\n')
    text = with_entry(first, "rules", {"id": "b", "factor": 2})
    assert text == f"{first}\n{last}"
    assert without_entry(text, "rules", "b", ["a", "b"]).rstrip() == first.rstrip()
    assert without_entry(text, "rules", "a", ["a", "b"]).startswith('# a\n[[rules]]\nid = "b"')
    with pytest.raises(BadInput, match="another way"):
        without_entry('rules = [{id = "a"}]', "rules", "a", ["a"])
    with pytest.raises(BadInput, match="there is no rule 'c'"):
        without_entry(text, "rules", "c", ["a", "b"])
    assert "until = 2026-12-04\n" in with_entry("", "rules", {"until": date(2026, 12, 4)})
