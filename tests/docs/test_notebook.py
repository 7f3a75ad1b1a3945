"""The notebook of the documentation: it was run from top to bottom, and says today what its outputs say."""

import json
import re
from typing import Any

import pytest

from tests.docs.run_notebook import NOTEBOOK, code_cells, executed

NUMBER = re.compile(r"\d+(?:\.\d+)?|(?<![\d])\.\d+")
CELLS = code_cells(json.loads(NOTEBOOK.read_text()))


def texts(outputs: list[dict[str, Any]]) -> list[str]:
    """What each output says as text; the evaluation without its table, whose last column is a time."""
    parts = ["".join(output.get("text") or output["data"]["text/plain"]) for output in outputs]
    return [part for part in parts if not part.startswith("Lists of")]


def html(outputs: list[dict[str, Any]]) -> str:
    return "".join("".join(output.get("data", {}).get("text/html", "")) for output in outputs)


def test_every_cell_was_run_in_order_and_none_names_this_machine() -> None:
    assert [cell["execution_count"] for cell in CELLS] == list(range(1, len(CELLS) + 1))
    assert sum(bool(cell["outputs"]) for cell in CELLS) >= len(CELLS) - 1
    assert not re.search(r"/(tmp|home|root|work)/", NOTEBOOK.read_text())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_cells_give_the_outputs_that_the_page_shows() -> None:
    for cell, outputs in zip(CELLS, executed(CELLS), strict=True):
        for old, new in ((texts(cell["outputs"]), texts(outputs)), ([html(cell["outputs"])], [html(outputs)])):
            assert [NUMBER.sub("", text) for text in new] == [NUMBER.sub("", text) for text in old]
            for was, now in zip(old, new, strict=True):
                figures = [[float(number) for number in NUMBER.findall(text)] for text in (was, now)]
                assert figures[1] == pytest.approx(figures[0], rel=0.02, abs=0.002)
