"""Notebook page of the site: MkDocs hook that shows docs/notebook.ipynb, with its outputs, as a page."""

import json
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

NOTEBOOK, PAGE = "notebook.ipynb", "notebook.md"


def on_files(files: Any, config: Any) -> Any:
    """Adds the page beside the notebook, which stays there to be downloaded."""
    notebook = json.loads((Path(config.docs_dir) / NOTEBOOK).read_text())
    files.append(File.generated(config, PAGE, content="\n\n".join(map(markdown_of, notebook["cells"]))))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links to the notebook lead to its page."""
    return markdown.replace(f"({NOTEBOOK})", f"({PAGE})")


def markdown_of(cell: Any) -> str:
    """The cell with its outputs: text as it is, code in a fence, tables as HTML."""
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return source
    return "\n\n".join([f"```python\n{source}\n```", *map(_output, cell["outputs"])])


def _output(output: Any) -> str:
    data = output.get("data", {"text/plain": output.get("text", "")})
    html = "".join(data.get("text/html", ""))
    return f'<div class="output">\n{html}\n</div>' if html else f"```text\n{''.join(data['text/plain'])}\n```"
