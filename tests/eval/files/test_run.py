"""The evaluation of two files judges the right customers and items, beside baselines that can be counted by hand."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner, Result

from eval.files.loader import read_rows
from eval.files.model_args import model_requests
from eval.files.results import Entry, FileEvaluation, FileTerms, SeenItems
from eval.files.run import ALREADY_HAD, TWICE, evaluate_files
from eval.files.table import as_data, rendered, write_lists
from eval.metrics.accuracy import METRICS, match, mean
from eval.metrics.held_back import build_held_back
from eval.metrics.ranked_lists import RankedLists
from recsys.cli.app import application
from recsys.errors import NotEnoughData
from recsys.progress import StepLog

Row = tuple[object, ...]
ALS = "als:factors=4,regularization=0.1"


def file_of(path: Path, rows: Sequence[Row], header: str = "user,item") -> Path:
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def evaluated(
    folder: Path,
    train: Sequence[Row],
    test: Sequence[Row],
    *models: str,
    seen: SeenItems = "hide",
    header: str = "user,item",
) -> FileEvaluation:
    folder.mkdir(exist_ok=True)
    files = (file_of(folder / "train.csv", train, header), file_of(folder / "test.csv", test, header))
    known, later = (read_rows(file, ()) for file in files)
    terms = FileTerms((2, 5), seen, 0, optional_seconds=0)
    return evaluate_files(known, later, model_requests(models), terms, folder / "bundles", StepLog())


def entry(evaluation: FileEvaluation, name: str) -> Entry:
    return next(entry for entry in evaluation.entries if entry.name == name)


def shown(evaluation: FileEvaluation, name: str, user_id: str) -> list[str]:
    lists, row = evaluation.lists[name].lists, list(evaluation.user_ids).index(user_id)
    return [evaluation.item_ids[item] for item in lists.item[row, : lists.length[row]]]


def two_camps(n_users: int = 60, n_items: int = 30, seed: int = 0) -> tuple[list[Row], list[Row]]:
    """Even customers want even items; each has eight in the training file and two more in the test file."""
    rng = np.random.default_rng(seed)
    train: list[Row] = []
    test: list[Row] = []
    for user in range(n_users):
        items = rng.permutation(np.arange(user % 2, n_items, 2))[:10]
        train += [(f"u{user}", f"i{item}") for item in items[:8]]
        test += [(f"u{user}", f"i{item}") for item in items[8:]]
    return train, test


@pytest.fixture(scope="module")
def camps(tmp_path_factory: pytest.TempPathFactory) -> FileEvaluation:
    words = (ALS, "item_neighbours", "auto")
    return evaluated(tmp_path_factory.mktemp("camps"), *two_camps(), *words)


def test_every_model_stands_beside_the_baselines_and_finds_the_camps(camps: FileEvaluation) -> None:
    recalls = {entry.name: entry.metrics["recall@5"].mean for entry in camps.entries}
    assert set(recalls) == {"best-sellers", "random", ALS, "item_neighbours", "auto"}
    assert min(recalls[ALS], recalls["item_neighbours"], recalls["auto"]) > recalls["best-sellers"] + 0.1
    assert entry(camps, "auto").against["best-sellers"].verdict == "better"


def test_nothing_that_a_customer_has_is_shown_where_it_is_hidden(camps: FileEvaluation) -> None:
    train, _ = two_camps()
    for name in camps.lists:
        assert not {(user, item) for user in camps.user_ids for item in shown(camps, name, user)} & set(train)


def test_without_times_auto_is_chosen_by_a_random_part(camps: FileEvaluation) -> None:
    settings = entry(camps, "auto").settings
    assert settings["held_back"] == "a random fifth of each customer"
    assert settings["judges"] == 60
    assert settings["placement"] == "discover"


def test_rated_things_are_hidden_as_bought_ones_are(tmp_path: Path) -> None:
    train = [(user, item, 1 + (user + item) % 5) for user in range(6) for item in range(user, user + 5)]
    evaluation = evaluated(tmp_path, train, [(0, 9, 5)], "als:factors=2", "auto", header="user,item,rating")
    for name in ("als:factors=2", "auto", "best-sellers"):
        assert not set(shown(evaluation, name, "0")) & {"0", "1", "2", "3", "4"}


def test_the_lists_written_give_the_same_figures_to_whoever_counts_again(camps: FileEvaluation, tmp_path: Path) -> None:
    write_lists(camps, tmp_path / "lists.csv")
    rows = pl.read_csv(tmp_path / "lists.csv").filter(pl.col("model") == "item_neighbours", pl.col("rank") <= 5)
    relevant: dict[str, set[str]] = {}
    for user, item in two_camps()[1]:
        relevant.setdefault(str(user), set()).add(str(item))
    hits = sum(item in relevant[user] for user, item in rows.select("user", "item").iter_rows())
    assert hits / (2 * len(relevant)) == pytest.approx(entry(camps, "item_neighbours").metrics["recall@5"].mean)
    assert rows.group_by("user").len()["len"].to_list() == [5] * 60
    assert rows.filter(pl.col("rank") == 1)["score"].to_numpy().min() > 0


def test_best_sellers_are_counted_by_customers_and_ties_stand_in_order_of_the_id(tmp_path: Path) -> None:
    train = [("a", "x"), ("a", "x"), ("a", "x"), ("b", "z"), ("c", "z"), ("b", "y"), ("d", "w")]
    evaluation = evaluated(tmp_path, train, [("d", "z")])
    assert shown(evaluation, "best-sellers", "d") == ["z", "x", "y"]
    assert entry(evaluation, "best-sellers").metrics["ndcg@2"].mean == 1.0


def test_numbers_as_ids_stand_in_order_of_the_number_and_keep_their_face(tmp_path: Path) -> None:
    train = [(1, 10), (2, 9), (3, 100), (4, 8)]
    evaluation = evaluated(tmp_path, train, [(4, 9)])
    assert shown(evaluation, "best-sellers", "4") == ["9", "10", "100"]


def test_own_frequency_stands_there_only_where_the_own_may_be_shown(tmp_path: Path) -> None:
    train = [("a", "x"), ("a", "y"), ("a", "y"), ("b", "z"), ("c", "z")]
    kept = evaluated(tmp_path, train, [("a", "y")], "auto", seen="keep")
    assert shown(kept, "own frequency", "a") == ["y", "x", "z"]
    assert entry(kept, "auto").settings["placement"] == "home"
    hidden = evaluated(tmp_path / "hidden", train, [("a", "z")])
    assert "own frequency" not in hidden.lists


@pytest.mark.parametrize("name", ["own frequency", "own frequency, fading"])
def test_of_things_taken_equally_often_the_best_seller_stands_first(name: str, tmp_path: Path) -> None:
    train = [("a", item, "2020-01-02") for item in "xyz"] + [("b", "z", "2020-01-03"), ("c", "z", "2020-01-03")]
    train += [("b", "y", "2020-01-03"), ("c", "w", "2020-01-03")]
    evaluation = evaluated(tmp_path, train, [("a", "z", "2020-02-01")], seen="keep", header="user,item,time")
    assert shown(evaluation, name, "a") == ["z", "y", "x", "w"]


@pytest.mark.parametrize("name", ["own frequency", "own frequency, fading"])
def test_behind_what_a_customer_takes_most_often_stand_the_best_sellers(name: str, tmp_path: Path) -> None:
    old = [("a", "x", "1950-01-02"), ("a", "y", "1930-01-01"), ("a", "w", "2020-01-02")]
    others = [(user, item, "2020-01-03") for user, items in (("b", "zuv"), ("c", "zu"), ("d", "z")) for item in items]
    test = [("a", "z", "2020-02-01"), ("new", "z", "2020-02-01")]
    evaluation = evaluated(tmp_path, [*old, *others], test, seen="keep", header="user,item,time")
    assert shown(evaluation, name, "a") == ["w", "x", "y", "z", "u"]
    assert shown(evaluation, name, "new") == shown(evaluation, "best-sellers", "new")


def test_a_stranger_counts_with_what_a_stranger_is_shown(tmp_path: Path) -> None:
    train = [("a", "x"), ("b", "x"), ("b", "y"), ("c", "z")]
    evaluation = evaluated(tmp_path, train, [("a", "z"), ("new", "x"), ("new", "unheard")], "popularity")
    assert shown(evaluation, "popularity", "new") == ["x", "y", "z"]
    assert (evaluation.n_customers, evaluation.n_strangers, evaluation.n_unknown_items) == (2, 1, 1)
    best = entry(evaluation, "best-sellers")
    assert best.metrics["recall@2"].mean == pytest.approx((1 + 0.5) / 2)
    assert best.known["recall@2"] == 1.0


def test_what_is_hidden_anyway_is_no_miss_and_is_counted(tmp_path: Path) -> None:
    train = [("a", "x"), ("b", "y"), ("b", "z")]
    evaluation = evaluated(tmp_path, train, [("a", "x"), ("a", "y"), ("a", "y")])
    assert evaluation.test.dropped == {TWICE: 1, ALREADY_HAD: 1}
    assert entry(evaluation, "best-sellers").metrics["recall@2"].mean == 1.0


def test_a_test_file_in_which_all_is_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData, match="try --seen keep"):
        evaluated(tmp_path, [("a", "x"), ("b", "y")], [("a", "x")])


@pytest.mark.parametrize(
    ("day_of_test", "held_back"),
    [("2020-02-01", "the last fifth of each customer"), ("2020-01-01", "a random fifth of each customer")],
)
def test_blends_are_chosen_the_way_the_files_were_parted(tmp_path: Path, day_of_test: str, held_back: str) -> None:
    train, test = two_camps()
    bought = [(*row, "2020-01-20") for row in train]
    later = [(*row, day_of_test) for row in test]
    evaluation = evaluated(tmp_path, bought, later, "auto", header="user,item,date")
    assert entry(evaluation, "auto").settings["held_back"] == held_back


@pytest.mark.parametrize(("first_day", "is_there"), [("2019-01-01", True), ("2020-01-10", False)])
def test_late_best_sellers_stand_there_where_there_is_an_earlier_time(
    tmp_path: Path, first_day: str, is_there: bool
) -> None:
    train = [("a", "x", first_day), ("b", "x", first_day), ("c", "y", "2020-01-20")]
    evaluation = evaluated(tmp_path, train, [("a", "y", "2020-01-21")], header="user,item,time")
    assert ("best-sellers, 28 days" in evaluation.lists) == is_there
    assert shown(evaluation, "best-sellers", "a") == ["y"]


def test_the_data_hold_every_metric_at_every_length_with_its_interval(camps: FileEvaluation) -> None:
    data = json.loads(json.dumps(as_data(camps)))
    assert data["protocol"]["customers"] == 60
    for model in data["models"]:
        names = {f"{name}@{k}" for name in {*METRICS, "found"} - {"revenue_recall"} for k in (2, 5)}
        assert set(model["metrics"]) == names
        assert all(value["low"] <= value["mean"] <= value["high"] for value in model["metrics"].values())
        assert set(model["shelf"]) == {f"{name}@{k}" for name in ("coverage", "gini", "novelty") for k in (2, 5)}
    assert {model["name"]: model["settings"].get("factors") for model in data["models"]}[ALS] == 4


def test_the_same_seed_gives_the_same_figures(camps: FileEvaluation, tmp_path: Path) -> None:
    again = evaluated(tmp_path, *two_camps(), ALS)
    assert entry(again, ALS).metrics == entry(camps, ALS).metrics
    assert entry(again, "random").metrics == entry(camps, "random").metrics


def test_a_figure_is_that_of_the_metric_over_the_lists(camps: FileEvaluation) -> None:
    position = {item: at for at, item in enumerate(camps.item_ids)}
    row = {user: at for at, user in enumerate(camps.user_ids)}
    user, item = zip(*((row[str(user)], position[str(item)]) for user, item in two_camps()[1]), strict=True)
    held_back = build_held_back(np.array(user), np.array(item), np.zeros(len(user)), n_customers=60)
    lists: RankedLists = camps.lists["auto"].lists
    assert entry(camps, "auto").metrics["ndcg@5"].mean == mean(METRICS["ndcg"](match(lists, held_back), 5))


def run(*words: str) -> Result:
    return CliRunner().invoke(application(), list(words))


def test_the_command_needs_no_shop_and_writes_figures_and_lists(tmp_path: Path) -> None:
    train, test = (file_of(tmp_path / name, rows) for name, rows in zip(("a.csv", "b.csv"), two_camps(), strict=True))
    files = ("--train", str(train), "--test", str(test), "--json", str(tmp_path / "o"), "--lists", str(tmp_path / "l"))
    home = tmp_path / "home"
    result = run("--home", str(home), "evaluate", *files, "-k", "5,2", "--model", "popularity", "--seen", "keep")
    assert result.exit_code == 0, result.output
    assert "Lists of 2" in result.stdout
    assert "own frequency" in result.stdout
    assert not home.exists()
    assert json.loads((tmp_path / "o").read_bytes())["protocol"]["ks"] == [2, 5]
    assert (tmp_path / "l").read_text().startswith("model,user,item,rank,score\nbest-sellers,u0,")


@pytest.mark.parametrize(
    ("words", "exit_code", "message"),
    [
        (("--train", "x.csv"), 2, "give --train and --test"),
        (("--train", "x.csv", "--test", "y.csv"), 1, "x.csv: No such file"),
        (("--train", "x.csv", "--test", "y.csv", "--model", "alz"), 1, "did you mean 'als'?"),
        (("--train", "x.csv", "--test", "y.csv", "-k", "0"), 2, "write lengths from 1"),
        (("--train", "x.csv", "--test", "y.csv", "-k", "ten"), 2, "write lengths from 1"),
        (("--model", "als"), 2, "give --train and --test"),
        (("-k", "10,20"), 2, "one length at a time"),
        (("--json", "no/such/folder/o.json"), 2, "in a folder that exists"),
    ],
)
def test_wrong_words_get_an_error_with_what_to_do(words: tuple[str, ...], exit_code: int, message: str) -> None:
    result = run("evaluate", *words)
    assert result.exit_code == exit_code
    assert message in " ".join(result.output.replace("│", " ").split())


def test_what_the_training_file_tells_of_each_customer_is_at_hand(tmp_path: Path) -> None:
    train = [("a", "x", "2020-01-02"), ("a", "y", "2020-01-05"), ("b", "x", "2020-01-03")]
    test = [("a", "x", "2020-01-09"), ("a", "z", "2020-01-09"), ("new", "x", "2020-01-08")]
    evaluation = evaluated(tmp_path, train, test, seen="keep", header="user,item,time")
    users = evaluation.users
    assert users.n_train_events.tolist() == [2, 0]
    assert np.isnan(users.last_at).tolist() == [False, True]
    new = {
        (users.user_ids[user], bool(is_new))
        for user, is_new in zip(users.held_back.customer, users.is_new, strict=True)
    }
    assert new == {("a", False), ("a", True), ("new", True)}
    assert (evaluation.train.first_day, evaluation.train.last_day) == ("2020-01-02", "2020-01-05")
    assert (evaluation.test.first_day, evaluation.test.last_day) == ("2020-01-08", "2020-01-09")


def test_a_file_without_times_has_no_days(camps: FileEvaluation) -> None:
    assert (camps.train.first_day, camps.test.last_day) == (None, None)


def test_rows_that_the_training_file_has_twice_are_named(tmp_path: Path) -> None:
    train = [("a", "x"), ("a", "x"), ("a", "x"), ("b", "y"), ("b", "x")]
    evaluation = evaluated(tmp_path, train, [("a", "y")])
    words = "train.csv: 2 rows stand twice, alike in customer, item and all else that is read; each counts as taken"
    assert words in " ".join(note for note in rendered(evaluation).renderables if isinstance(note, str))
    assert as_data(evaluation)["train"]["doubles"] == 2


def test_rows_that_stand_twice_with_their_time_are_lines_of_one_order(tmp_path: Path) -> None:
    train = [(user, item, "2020-01-02") for user, item in [("a", "x"), ("a", "x"), ("b", "y"), ("b", "x")]]
    evaluation = evaluated(tmp_path, train, [("a", "y", "2020-01-09")], header="user,item,time")
    notes = " ".join(note for note in rendered(evaluation).renderables if isinstance(note, str))
    assert "else that is read; they are lines of one order or day, which count once." in notes
