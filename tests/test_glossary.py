"""Glossary and architecture: terms stand in their modules, and every room, layer and error is there."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

import recsys.errors

ROOT = Path(__file__).parents[1]
PACKAGES = ("recsys", "api", "training", "eval")
A_ROW = re.compile(r"^\| ([^|]+) \| `([^`|]+)` \|", re.MULTILINE)
TERMS = A_ROW.findall((ROOT / "docs/glossary.md").read_text())
ROOMS = sorted(
    file.parent.relative_to(ROOT).as_posix() for name in PACKAGES for file in (ROOT / name).rglob("__init__.py")
)


def letters(text: str) -> str:
    """Letters and digits alone, so that `HalfLife`, `half_life` and "half-life" are the same."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def said_in(path: str) -> str:
    """The names and docstrings of a module."""
    parts = [path.removesuffix(".py")]
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            parts.append(node.name)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            parts.append(ast.get_docstring(node) or "")
    return letters(" ".join(parts))


@pytest.mark.parametrize(("term", "path"), TERMS, ids=lambda value: value)
def test_a_term_stands_in_the_names_or_docstrings_of_its_module(term: str, path: str) -> None:
    assert letters(term) in said_in(path)


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_a_term_in_the_glossary_and_a_line_in_the_architecture(room: str) -> None:
    assert room in {Path(path).parent.as_posix() for _, path in TERMS}
    assert re.search(rf"`{room}/?`", (ROOT / "docs/architecture.md").read_text())


def test_the_architecture_draws_every_error() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    errors = [
        name for name, kind in vars(recsys.errors).items() if isinstance(kind, type) and issubclass(kind, Exception)
    ]
    assert [name for name in errors if not re.search(rf"\b{name}\b", page)] == []


def test_the_architecture_names_the_layers_of_every_package() -> None:
    page = " ".join((ROOT / "docs/architecture.md").read_text().split())
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [(name, contract["layers"]) for contract in contracts for name in contract.get("containers", ())]
    assert [name for name, floors in layers if f"{name}: {' > '.join(floors)}" not in page] == []


def test_the_classes_and_constants_of_the_how_to_page_are_in_the_code() -> None:
    files = [*ROOT.glob("tests/**/*.py"), *(file for name in PACKAGES for file in ROOT.glob(f"{name}/**/*.py"))]
    known = {word for file in files for word in re.findall(r"\b[A-Z]\w+", file.read_text())}
    assert set(re.findall(r"`([A-Z]\w+)`", (ROOT / "docs/contributing.md").read_text())) - known == set()
