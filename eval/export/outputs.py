"""Where the results of an evaluation go: found out before an hour of learning whether they can be written there."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import typer

TABLES = ("figures", "comparisons", "shelf", "windows", "settings")  # what --csv writes into its folder

Paths = Mapping[str, Path | None]  # by option


def check_outputs(files: Paths, inputs: Paths, csv: Path | None) -> None:
    """Refuses a place that nobody can write to, two results in one place, and one in place of a file that is read.

    files: results that are one file each; csv: the folder of the tables.  Leaves everything as it was.
    """
    given = {option: path for option, path in files.items() if path is not None}
    for option, path in given.items():
        if path.is_dir() or not path.absolute().parent.is_dir():
            raise typer.BadParameter(f"{path}: name a file in a folder that exists", param_hint=option)
    _check_once([*given.items(), *_tables(csv)], [(option, path) for option, path in inputs.items() if path])
    for option, path in given.items():
        _try(option, path)
    if csv is not None:
        _try_folder(csv)


def shop_files(home: Path, settings: Path | None) -> Paths:
    """What no result may overwrite, wherever it is asked for: the shop's log and its settings."""
    return {"the log of the shop": home / "shop.db", "the settings": settings}


def _tables(folder: Path | None) -> Iterator[tuple[str, Path]]:
    if folder is not None:
        yield from (("--csv", folder / f"{name}.csv") for name in TABLES)


def _check_once(results: Sequence[tuple[str, Path]], inputs: Sequence[tuple[str, Path]]) -> None:
    for at, (option, path) in enumerate(results):
        for other, read in inputs:
            if _is_same(path, read):
                raise typer.BadParameter(f"{path}: would overwrite {other}; name another file", param_hint=option)
        for other, taken in results[:at]:
            if _is_same(path, taken):
                raise typer.BadParameter(f"{path}: {other} goes there already; name another file", param_hint=option)


def _is_same(path: Path, other: Path) -> bool:
    """Whether both are one file, through links too."""
    if path.resolve() == other.resolve():
        return True
    return path.exists() and other.exists() and path.samefile(other)


def _try(option: str, path: Path) -> None:
    """Opens the file for writing without changing it; one that was not there is gone again."""
    place = path.resolve()
    if place.exists() and not place.is_file():
        return  # a pipe or a terminal: to open it is to use it
    was_there = place.exists()
    try:
        os.close(os.open(place, os.O_WRONLY | os.O_CREAT, 0o666))
    except OSError as error:
        raise typer.BadParameter(f"{path}: cannot be written: {error.strerror}", param_hint=option) from None
    if not was_there:
        place.unlink()


def _try_folder(folder: Path) -> None:
    """The same for the tables; the folder itself is made later."""
    above = folder if folder.exists() else next(above for above in folder.absolute().parents if above.exists())
    try:
        Path(tempfile.mkdtemp(dir=above)).rmdir()
    except OSError as error:
        raise typer.BadParameter(f"{folder}: cannot be written: {error.strerror}", param_hint="--csv") from None
    for option, path in _tables(folder):
        if path.exists():
            _try(option, path)
