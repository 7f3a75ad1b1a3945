"""Output files of an evaluation, checked before an hour of learning: they can be written and overwrite nothing."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

TABLES = ("figures", "comparisons", "shelf", "windows", "settings")  # what --csv writes into its folder

STDOUT = Path("-")  # --json - prints the document instead of the tables

Paths = Mapping[str, Path | None]  # by option


@dataclass(frozen=True, slots=True)
class Outputs:
    """Files to write beside the tables on the screen, and the folder for tables as CSV; None writes none."""

    json: Path | None = None
    report: Path | None = None
    csv: Path | None = None
    lists: Path | None = None

    @property
    def prints_json(self) -> bool:
        """Whether standard output is for the JSON document alone."""
        return self.json == STDOUT

    def check(self, inputs: Paths) -> None:
        """Refuses a file that cannot be written, two results in one file, and a result in place of an input.

        Leaves everything as it was.  Raises BadParameter.
        """
        options = {"--json": self.json, "--lists": self.lists, "--report": self.report}
        files = {option: path for option, path in options.items() if path is not None}
        if self.prints_json:
            del files["--json"]
        for option, path in files.items():
            if path.is_dir() or not path.absolute().parent.is_dir():
                raise typer.BadParameter(f"{path}: name a file in a folder that exists", param_hint=option)
        read = [(option, path) for option, path in inputs.items() if path is not None]
        _check_distinct([*files.items(), *_tables(self.csv)], read)
        for option, path in files.items():
            _check_writable(option, path)
        if self.csv is not None:
            _check_folder(self.csv)


def shop_files(home: Path, settings: Path | None) -> Paths:
    """The files of the shop that no result may overwrite: its log and its settings."""
    return {"the log of the shop": home / "shop.db", "the settings": settings}


def _tables(folder: Path | None) -> Iterator[tuple[str, Path]]:
    if folder is not None:
        yield from (("--csv", folder / f"{name}.csv") for name in TABLES)


def _check_distinct(results: Sequence[tuple[str, Path]], inputs: Sequence[tuple[str, Path]]) -> None:
    for at, (option, path) in enumerate(results):
        for other, read in inputs:
            if _is_same(path, read):
                raise typer.BadParameter(f"{path}: would overwrite {other}; name another file", param_hint=option)
        for other, taken in results[:at]:
            if _is_same(path, taken):
                raise typer.BadParameter(f"{path}: {other} goes there already; name another file", param_hint=option)


def _is_same(path: Path, other: Path) -> bool:
    """Whether both are one file, also through links."""
    if path.resolve() == other.resolve():
        return True
    return path.exists() and other.exists() and path.samefile(other)


def _check_writable(option: str, path: Path) -> None:
    """Opens the file for writing without changing it; a file that was not there is deleted again."""
    target = path.resolve()
    if target.exists() and not target.is_file():
        return  # a pipe or a terminal: to open it is to use it
    was_there = target.exists()
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT, 0o666))
    except OSError as error:
        raise typer.BadParameter(f"{path}: cannot be written: {error.strerror}", param_hint=option) from None
    if not was_there:
        target.unlink()


def _check_folder(folder: Path) -> None:
    """The same for the tables; the folder itself is made later."""
    parent = folder if folder.exists() else next(parent for parent in folder.absolute().parents if parent.exists())
    try:
        Path(tempfile.mkdtemp(dir=parent)).rmdir()
    except OSError as error:
        raise typer.BadParameter(f"{folder}: cannot be written: {error.strerror}", param_hint="--csv") from None
    for option, path in _tables(folder):
        if path.exists():
            _check_writable(option, path)
