"""Run of docs/notebook.ipynb without Jupyter: `python -m tests.docs.run_notebook` writes its outputs anew."""

import ast
import contextlib
import io
import json
from pathlib import Path
from typing import Any

import polars as pl

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"

Cell = dict[str, Any]


def code_cells(notebook: dict[str, Any]) -> list[Cell]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def executed(cells: list[Cell]) -> list[list[dict[str, Any]]]:
    """The outputs of each code cell, as Jupyter writes them: what it prints, then the value of its last expression."""
    names: dict[str, Any] = {"__name__": "__main__"}
    with pl.Config():  # what a cell sets is for the notebook alone
        return [_outputs(ast.parse("".join(cell["source"])), names, number) for number, cell in enumerate(cells, 1)]


def _outputs(code: ast.Module, names: dict[str, Any], number: int) -> list[dict[str, Any]]:
    last = code.body.pop() if isinstance(code.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(code, NOTEBOOK.name, "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), NOTEBOOK.name, "eval"), names)  # noqa: S307 # our own cells
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": _lines(printed.getvalue())})
    if value is not None:
        data = {"text/plain": _lines(repr(value))}
        if hasattr(value, "_repr_html_"):
            data["text/html"] = _lines(value._repr_html_())
        outputs.append({"output_type": "execute_result", "execution_count": number, "metadata": {}, "data": data})
    return outputs


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def main() -> None:
    """Writes the outputs of all cells into the notebook."""
    notebook = json.loads(NOTEBOOK.read_text())
    cells = code_cells(notebook)
    for number, (cell, outputs) in enumerate(zip(cells, executed(cells), strict=True), 1):
        cell["outputs"], cell["execution_count"] = outputs, number
    NOTEBOOK.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
