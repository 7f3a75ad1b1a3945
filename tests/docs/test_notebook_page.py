"""The page of the notebook on the site: text, code, and outputs below it."""

import importlib.util
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def hook() -> Any:
    spec = importlib.util.spec_from_file_location("notebook_page", ROOT / "docs" / "hooks" / "notebook_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_cell_becomes_a_fence_with_its_outputs_below() -> None:
    outputs = [{"text": ["a\n", "b"]}, {"data": {"text/plain": ["x"], "text/html": ["<table></table>"]}}]
    text = hook().markdown_of({"cell_type": "code", "source": ["1 +\n", "2"], "outputs": outputs})
    assert text == '```python\n1 +\n2\n```\n\n```text\na\nb\n```\n\n<div class="output">\n<table></table>\n</div>'


def test_text_stays_and_links_lead_to_the_page() -> None:
    assert hook().markdown_of({"cell_type": "markdown", "source": ["# A\n", "b"]}) == "# A\nb"
    assert hook().on_page_markdown("[x](notebook.ipynb)") == "[x](notebook.md)"
