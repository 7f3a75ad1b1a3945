"""Tuned settings are in the results, and settings given by hand stay."""

from pathlib import Path

import numpy as np
import polars as pl
from typer.testing import CliRunner

from eval.files.loader import read_rows
from eval.files.model_args import model_requests
from eval.files.results import FileEvaluation, FileTerms
from eval.files.run import evaluate_files
from recsys.cli.app import application
from recsys.progress import StepLog


def evaluated(folder: Path, *models: str, seconds: float) -> FileEvaluation:
    """Even customers want even items; eight of each are in the training file, two more in the other."""
    rng = np.random.default_rng(0)
    rows = [(f"u{user}", f"i{item}", at < 8) for user in range(50) for at, item in _chosen(user, rng)]
    files = (folder / "train.csv", folder / "test.csv")
    frame = pl.DataFrame(rows, schema=["user", "item", "is_known"], orient="row")
    for file, is_known in zip(files, (True, False), strict=True):
        frame.filter(pl.col("is_known") == is_known).drop("is_known").write_csv(file)
    train, test = (read_rows(file, ()) for file in files)
    terms = FileTerms((5,), "hide", 0, tune_seconds=seconds, optional_seconds=0)
    return evaluate_files(train, test, model_requests(models), terms, folder / "bundles", StepLog())


def _chosen(user: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    return list(enumerate(rng.permutation(np.arange(user % 2, 30, 2))[:10].tolist()))


def test_what_was_found_stands_with_the_settings_and_what_was_said_is_kept(tmp_path: Path) -> None:
    evaluation = evaluated(tmp_path, "graph_walk:top_n=7", "auto", seconds=0.5)
    settings = {entry.name: entry.settings for entry in evaluation.entries}
    tuned = settings["graph_walk:top_n=7"]["tuned"]
    assert settings["graph_walk:top_n=7"]["top_n"] == 7
    assert tuned["n_tried"] >= 1
    assert {"als", "popularity", "graph_walk"} <= set(settings["auto"]["tuned"])


def test_without_seconds_nothing_is_looked_for(tmp_path: Path) -> None:
    evaluation = evaluated(tmp_path, "popularity", seconds=0.0)
    assert [entry.name for entry in evaluation.entries if "tuned" in entry.settings] == []


def test_the_command_refuses_to_tune_without_files() -> None:
    result = CliRunner().invoke(application(), ["evaluate", "--tune", "5"])
    assert result.exit_code == 2
    assert "give --train and --test" in " ".join(result.output.replace("│", " ").split())
