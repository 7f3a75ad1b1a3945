"""Predicted ratings on two files: every rating counts, beside the baselines, with figures that can be counted again."""

import html
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner, Result

from eval.files.loader import read_rows
from eval.files.model_args import rating_learners
from eval.protocol import BASELINE, GLOBAL_MEAN, ITEM_MEAN, USER_MEAN
from eval.ratings.results import RatingEntry, RatingEvaluation
from eval.ratings.run import AGAIN, TWICE, evaluate_ratings
from eval.ratings.table import as_data, rendered
from eval.ratings.truth import rating_segments
from eval.report.builders.ratings import build_page
from eval.report.builders.ratings_errors import absolute_errors, mean_estimates, paired_differences
from eval.report.formatting import plain
from eval.report.html import render_page
from recsys.cli.app import application
from recsys.errors import BadInput, BadSettings, UnknownModel
from recsys.progress import StepLog

Row = tuple[object, ...]
HEADER = "user,item,rating"


def file_of(path: Path, rows: Sequence[Row], header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def evaluated(
    folder: Path, train: Sequence[Row], test: Sequence[Row], *models: str, header: str = HEADER
) -> RatingEvaluation:
    files = file_of(folder / "train.csv", train, header), file_of(folder / "test.csv", test, header)
    known, later = (read_rows(file, (), lowest=float("-inf")) for file in files)
    return evaluate_ratings(known, later, rating_learners(models), 0, StepLog())


def entry(evaluation: RatingEvaluation, name: str) -> RatingEntry:
    return next(entry for entry in evaluation.entries if entry.name == name)


def predictions(evaluation: RatingEvaluation, name: str) -> list[float]:
    return [float(value) for value in evaluation.predictions[name]]


def two_tastes(n_users: int = 60, n_items: int = 24) -> tuple[list[Row], list[Row]]:
    """Even customers love even items and cannot stand odd ones, odd customers the other way round."""
    rng = np.random.default_rng(5)
    cells = [(user, item) for user in range(n_users) for item in range(n_items) if rng.random() < 0.8]
    rows: list[Row] = [(f"u{user}", f"i{item}", 5 if (user + item) % 2 == 0 else 1) for user, item in cells]
    held = rng.random(len(rows)) < 0.2
    return (
        [row for row, is_held in zip(rows, held, strict=True) if not is_held],
        [row for row, is_held in zip(rows, held, strict=True) if is_held],
    )


def test_errors_are_those_anybody_would_count(tmp_path: Path) -> None:
    train, test = two_tastes()
    evaluation = evaluated(tmp_path, train, test, "item_knn")
    for each in evaluation.entries:
        errors = [
            prediction - float(str(row[2]))
            for prediction, row in zip(predictions(evaluation, each.name), test, strict=True)
        ]
        assert each.rmse.mean == pytest.approx((sum(error**2 for error in errors) / len(errors)) ** 0.5, abs=1e-6)
        assert each.mae.mean == pytest.approx(sum(map(abs, errors)) / len(errors), abs=1e-6)
        assert each.rmse.low <= each.rmse.mean <= each.rmse.high


def test_the_baselines_always_stand_beside_and_are_plain_means(tmp_path: Path) -> None:
    train: list[Row] = [("a", "x", 5), ("a", "y", 3), ("b", "x", 1)]
    evaluation = evaluated(tmp_path, train, [("b", "y", 2), ("c", "x", 4), ("a", "z", 4), ("c", "z", 1)])
    assert [each.name for each in evaluation.entries] == [GLOBAL_MEAN, ITEM_MEAN, USER_MEAN, BASELINE]
    assert predictions(evaluation, GLOBAL_MEAN) == [3, 3, 3, 3]
    assert predictions(evaluation, ITEM_MEAN) == [3, 3, 3, 3]
    assert predictions(evaluation, USER_MEAN) == [1, 3, 4, 3]


@pytest.mark.parametrize("name", ["item_knn", "user_knn", "factors", "auto"])
def test_a_model_that_sees_tastes_is_better_than_the_baseline(name: str, tmp_path: Path) -> None:
    evaluation = evaluated(tmp_path, *two_tastes(), name)
    assert entry(evaluation, name).rmse.mean < 0.5 * entry(evaluation, BASELINE).rmse.mean
    assert entry(evaluation, name).against[BASELINE].verdict == "better"


def test_strangers_and_unknown_items_are_answered_and_counted(tmp_path: Path) -> None:
    train, test = two_tastes()
    odd: list[Row] = [("stranger", "i0", 3), ("u0", "novelty", 3), ("stranger", "novelty", 3)]
    evaluation = evaluated(tmp_path, train, [*test, *odd], "auto")
    assert (evaluation.n_strangers, evaluation.n_unknown_items) == (1, 1)
    assert np.isfinite(evaluation.predictions["auto"]).all()
    assert predictions(evaluation, "auto")[-1] == pytest.approx(predictions(evaluation, BASELINE)[-1], abs=0.3)


def test_of_two_ratings_in_the_training_file_the_later_one_counts(tmp_path: Path) -> None:
    train: list[Row] = [("a", "x", 5, 200), ("a", "x", 1, 100), ("b", "x", 5, 150)]
    evaluation = evaluated(tmp_path, train, [("c", "x", 5, 300)], header=f"{HEADER},time")
    assert predictions(evaluation, GLOBAL_MEAN) == [5]
    assert evaluation.train.dropped == {AGAIN: 1}


def test_ratings_below_zero_are_ratings(tmp_path: Path) -> None:
    evaluation = evaluated(tmp_path, [("a", "x", -8.5), ("b", "x", 9.5)], [("c", "x", -3)])
    assert evaluation.scale == (-8.5, 9.5)
    assert predictions(evaluation, GLOBAL_MEAN) == [0.5]


def test_a_file_without_ratings_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--map rating="):
        evaluated(tmp_path, [("a", "x")], [("a", "y")], header="user,item")


def test_an_unknown_model_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownModel, match="item_knn"):
        rating_learners(["item_kn"])
    with pytest.raises(UnknownModel, match="did you mean 'item_knn'"):
        rating_learners(["item_neighbours"])
    with pytest.raises(UnknownModel, match="did you mean 'user_knn'"):
        rating_learners(["user_neighbours"])
    with pytest.raises(BadInput, match="twice"):
        rating_learners(["auto", "auto"])
    with pytest.raises(BadSettings, match="factors = '100000'"):
        rating_learners(["factors:factors=100000"])
    with pytest.raises(BadInput, match="sets nothing"):
        rating_learners(["item_knn:k"])


def test_the_same_seed_gives_the_same_figures(tmp_path: Path) -> None:
    first, second = (as_data(evaluated(tmp_path, *two_tastes(), "auto")) for _ in range(2))
    for data in (first, second):
        for model in data["models"]:
            del model["fit_seconds"], model["answer_seconds"]
    assert first == second


def run(*words: str) -> Result:
    return CliRunner().invoke(application(), ["evaluate", "--task", "rating", *words], env={"COLUMNS": "200"})


def test_the_command_writes_every_prediction_and_every_figure(tmp_path: Path) -> None:
    train, test = two_tastes()
    files = file_of(tmp_path / "train.csv", train), file_of(tmp_path / "test.csv", test)
    words = ("--train", str(files[0]), "--test", str(files[1]), "--model", "item_knn:k=20", "--model", "auto")
    outputs = tmp_path / "out.csv", tmp_path / "out.json"
    result = run(*words, "--lists", str(outputs[0]), "--json", str(outputs[1]))
    assert result.exit_code == 0, result.output
    assert "item_knn:k=20" in result.output
    lists, data = pl.read_csv(outputs[0]), json.loads(outputs[1].read_text())
    assert lists.columns == ["user", "item", "prediction", "truth", "model"]
    for model in data["models"]:
        rows = lists.filter(pl.col("model") == model["name"])
        assert rows.height == len(test)
        error = ((rows["prediction"] - rows["truth"]) ** 2).to_numpy().mean() ** 0.5
        assert error == pytest.approx(model["metrics"]["rmse"]["mean"], abs=1e-6)


def test_the_command_wants_two_files() -> None:
    assert run("--train", "train.csv").exit_code == 2


def page(folder: Path, *models: str) -> tuple[str, RatingEvaluation]:
    train, test = two_tastes()
    evaluation = evaluated(folder, train, [*test, ("new", "i1", 5)], *models)
    text = render_page(build_page(evaluation, datetime(2026, 1, 2, 3, 4, tzinfo=UTC)))
    return html.unescape(text).replace("\u00a0", " "), evaluation


def test_the_page_says_by_how_many_points_ratings_are_missed(tmp_path: Path) -> None:
    text, evaluation = page(tmp_path, "item_knn", "auto")
    ours, rival = (plain(entry(evaluation, name).mae.mean, 2) for name in ("auto", ITEM_MEAN))
    assert f"On a scale from 1 to 5, the personal prediction misses what a customer gives by {ours} points" in text
    assert f"the item's average rating misses it by {rival} points." in text
    assert "Closer than the item's average rating? Yes: by" in re.sub(r"</?strong>", "", text)
    for part in ("How far off", "Right to within half a point", "By what the customer then gave", "What would change"):
        assert part in text


def test_figures_of_the_page_are_those_anybody_would_count(tmp_path: Path) -> None:
    _, evaluation = page(tmp_path, "item_knn")
    truth, errors = evaluation.truth, absolute_errors(evaluation)
    span = mean_estimates(errors, truth, 0)["item_knn"]
    assert span.mean == pytest.approx(entry(evaluation, "item_knn").mae.mean)
    assert span.low < span.mean < span.high
    groups, n_hidden = rating_segments(truth)
    assert n_hidden > 0  # the stranger is one customer
    for family in {group.family for group in groups}:
        together = np.sum([group.members for group in groups if group.family == family], axis=0)
        assert together.max() == 1
    given = [group for group in groups if group.family == "By what the customer then gave"]
    assert [group.title for group in given] == ["1", "5"]
    assert sum(int(group.members.sum()) for group in given) == len(truth.value)


def test_a_prediction_is_closer_than_itself_by_nothing_and_than_a_worse_one_for_sure(tmp_path: Path) -> None:
    _, evaluation = page(tmp_path, "item_knn")
    errors = absolute_errors(evaluation)
    gains = {"worse": errors[ITEM_MEAN] - errors["item_knn"], "itself": errors["item_knn"] - errors["item_knn"]}
    better, none = paired_differences(gains, evaluation.truth, 0).values()
    assert (better.verdict, none.verdict) == ("better", "level")
    assert better.estimate.mean == pytest.approx(
        entry(evaluation, ITEM_MEAN).mae.mean - entry(evaluation, "item_knn").mae.mean
    )


def test_the_command_writes_the_page_beside_the_same_run_as_json(tmp_path: Path) -> None:
    train, test = two_tastes()
    files = file_of(tmp_path / "train.csv", train), file_of(tmp_path / "test.csv", test)
    words = ["evaluate", "--task", "rating", "--train", str(files[0]), "--test", str(files[1]), "--model", "item_knn"]
    outputs = ["--report", str(tmp_path / "page.html"), "--json", str(tmp_path / "all.json")]
    result = CliRunner().invoke(application(), ["--home", str(tmp_path / "home"), *words, *outputs])
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "all.json").read_bytes())["run"] in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize("far", ["1e39", "1e300", "-1e300"])
def test_one_absurd_rating_changes_nothing(far: str, tmp_path: Path) -> None:
    train, test = two_tastes(n_users=20, n_items=12)
    evaluation = evaluated(tmp_path, [*train, ("u0", "i0", far)], [*test, ("u1", "i1", far)], "factors", "auto")
    without = evaluated(tmp_path, train, test, "factors", "auto")
    assert evaluation.train.dropped == evaluation.test.dropped == {"rating out of range": 1}
    assert [each.rmse for each in evaluation.entries] == [each.rmse for each in without.entries]


def test_the_same_row_again_is_no_second_rating_and_is_named(tmp_path: Path) -> None:
    train: list[Row] = [("a", "x", 5), ("a", "x", 1), ("a", "x", 5), ("b", "x", 3), ("b", "x", 3)]
    evaluation = evaluated(tmp_path, train, [("a", "x", 5), ("a", "x", 5), ("b", "x", 3)])
    assert evaluation.train.dropped == {TWICE: 2, AGAIN: 1}
    assert predictions(evaluation, USER_MEAN) == [5, 5, 3]
    notes = " ".join(note for note in rendered(evaluation).renderables if isinstance(note, str))
    assert "2 of 5 rows left out: the same row again." in notes
    assert "test.csv: 1 row stands twice, alike in customer, item and all else that is read; each is judged by" in notes
