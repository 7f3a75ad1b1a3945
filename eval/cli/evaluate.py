"""`recsys evaluate`: which list is better, on the shop's own log or on two given files, before anybody sees it."""

import tempfile
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eval.cli.compare import compare
from eval.export.outputs import check_outputs, shop_files
from recsys.cli.registration import register_command

if TYPE_CHECKING:
    from eval.files.run import FileEvaluation

EXAMPLE = """
Example: [bold]recsys evaluate --windows 3 --days 28[/]

Cuts the log in time, learns from the past, asks for every customer as of then, and compares with what they bought
after; once for each window, so that one lucky month cannot flatter. Best-sellers, own frequency and chance stand
beside every model.

Example: [bold]recsys evaluate --train train.csv --test test.csv -k 10,20 --model als:factors=64 --model auto[/]

Needs no shop: learns from one file, judges by the other. Columns: user, item, and if there are any weight or rating,
time, order_id; other names are guessed or said with --map. With --report page.html the same for whoever decides.
"""
OWN_FILES, OWN_LOG = "With files of your own", "On the shop's log"
FILES_ONLY = "works on two files: give --train and --test as well"
LOG_ONLY = "works on the shop's own log: leave --train and --test out"
RATINGS_WITHOUT = "says nothing where predicted ratings are judged: leave it out, or --task rating"
OF_LOG = ("days", "cut", "windows", "segment")
OF_FILES = ("model", "seen", "columns", "lists", "tune")
OF_LISTS = (*OF_LOG, "seen", "tune", "k")
LONGEST = 1_000
WINDOWS = 3


class TaskName(StrEnum):
    """What is judged: lists, or how well ratings are foretold."""

    ranking = "ranking"
    rating = "rating"


class SeenOption(StrEnum):
    """What becomes of items that the customer has in the training file."""

    hide = "hide"
    keep = "keep"


DaysOption = Annotated[
    float, typer.Option(min=1, help="Length of the weeks held back, in days.", rich_help_panel=OWN_LOG)
]
Cut = Annotated[
    datetime | None,
    typer.Option(help="First day held back (UTC); default: the last --days of the log.", rich_help_panel=OWN_LOG),
]
Windows = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=24,
        help=f"How many stretches of --days, the last one and those before it; default {WINDOWS}, with --cut 1.",
        rich_help_panel=OWN_LOG,
    ),
]
Segment = Annotated[
    str | None,
    typer.Option(help="Attribute that parts customers; default: the one most have.", rich_help_panel=OWN_LOG),
]

Csv = Annotated[
    Path | None,
    typer.Option(file_okay=False, help="Also write the tables as CSV into this folder; not of predicted ratings."),
]

TaskOption = Annotated[
    TaskName,
    typer.Option(
        help="Judge lists, or predicted ratings (--model item_knn, user_knn, factors, auto).", rich_help_panel=OWN_FILES
    ),
]
Tune = Annotated[
    float,
    typer.Option(
        min=0,
        help="Look for better settings of every --model, this many seconds together, in the training file only.",
        rich_help_panel=OWN_FILES,
    ),
]
ListsOption = Annotated[
    Path | None,
    typer.Option(
        help="Write model,user,item,rank,score as CSV; of ratings user,item,prediction,truth,model.",
        rich_help_panel=OWN_FILES,
    ),
]
Report = Annotated[Path | None, typer.Option(help="Write a page to read and to hand on: one HTML file with pictures.")]


def register(app: typer.Typer) -> None:
    """Adds the commands to `recsys`."""
    for command in (evaluate, compare):
        register_command(app, command, panel="Judge", is_job=True)


def evaluate(
    ctx: typer.Context,
    days: DaysOption = 28.0,
    cut: Cut = None,
    windows: Windows = None,
    segment: Segment = None,
    csv: Csv = None,
    train: Annotated[
        Path | None, typer.Option(help="CSV, TSV, JSONL or Parquet to learn from.", rich_help_panel=OWN_FILES)
    ] = None,
    test: Annotated[Path | None, typer.Option(help="The file to judge by.", rich_help_panel=OWN_FILES)] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="name:parameter=value,... again for each; auto (the default) is what `recsys train` would serve.",
            rich_help_panel=OWN_FILES,
        ),
    ] = None,
    task: TaskOption = TaskName.ranking,
    seen: Annotated[
        SeenOption,
        typer.Option(help="What a customer has in the training file: hide it or keep it.", rich_help_panel=OWN_FILES),
    ] = SeenOption.hide,
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", help="user=COLUMN,item=COLUMN,... where names differ.", rich_help_panel=OWN_FILES),
    ] = None,
    lists: ListsOption = None,
    tune: Tune = 0.0,
    k: Annotated[str, typer.Option("-k", help="Length of the lists; several for files: 10,20.")] = "10",
    seed: Annotated[int, typer.Option(min=0, help="Seed of learning and resampling.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Also write everything as JSON to this file.")] = None,
    report: Report = None,
) -> None:
    """Compare models and placements with the baselines, on the last weeks of the log or on two files."""
    ks = _lengths(k)
    inputs = {"--train": train, "--test": test, **shop_files(ctx.obj.home, ctx.obj.file)}
    check_outputs({"--json": json, "--lists": lists, "--report": report}, inputs, csv)
    if task is TaskName.rating:
        _refuse(ctx, ("csv",), "there are no tables of predicted ratings; ask for --json or --lists")
        _refuse(ctx, OF_LISTS, RATINGS_WITHOUT)
        _on_ratings(_both(train, test), (model or ["auto"], columns or []), seed, (lists, json, report))
        return
    if train is not None or test is not None:
        _refuse(ctx, OF_LOG, LOG_ONLY)
        words, outputs = (model or ["auto"], columns or []), (lists, json, report, csv)
        _on_files(_both(train, test), (ks, seen.value, seed, tune), words, outputs)
        return
    _refuse(ctx, OF_FILES, FILES_ONLY)
    _on_log(ctx, (days, cut, windows), segment, (_one(ks), seed), (json, report, csv))


evaluate.__doc__ = f"{evaluate.__doc__}\n{EXAMPLE}"


def _on_log(
    ctx: typer.Context,
    weeks: tuple[float, datetime | None, int | None],
    segment: str | None,
    terms: tuple[int, int],
    outputs: tuple[Path | None, Path | None, Path | None],
) -> None:
    from rich.console import Console

    from eval.cli.backtest import Outputs, judge_log
    from eval.splits.windows import WindowSchedule

    days, cut, windows = weeks
    schedule = WindowSchedule(
        n_windows=windows or (WINDOWS if cut is None else 1),
        days=days,
        cut_ms=_ms(cut),
        k=terms[0],
        seed=terms[1],
        segment=segment,
    )
    judge_log(ctx.obj.store(), ctx.obj.file, schedule, Outputs(*outputs), Console())


def _on_ratings(
    files: tuple[Path, Path],
    words: tuple[Sequence[str], Sequence[str]],
    seed: int,
    outputs: tuple[Path | None, Path | None, Path | None],
) -> None:
    from eval.cli.ratings import on_ratings

    on_ratings(files, words, seed, outputs)


def _on_files(
    files: tuple[Path, Path],
    terms: tuple[tuple[int, ...], str, int, float],
    words: tuple[Sequence[str], Sequence[str]],
    outputs: tuple[Path | None, Path | None, Path | None, Path | None],
) -> None:
    from rich.console import Console

    from eval.files.loader import check_shared, read_rows
    from eval.files.model_args import enough_memory, model_requests
    from eval.files.run import FileEvaluation, FileTerms, evaluate_files
    from eval.files.table import rendered
    from recsys.cli.progress import steps_shown
    from recsys.progress import StepLog

    models, maps = model_requests(words[0]), words[1]
    given = FileTerms(terms[0], "hide" if terms[1] == "hide" else "keep", *terms[2:])

    def run(steps: StepLog) -> FileEvaluation:
        with steps("read"):
            train, test = (read_rows(file, maps) for file in files)
        check_shared(train, test)
        with tempfile.TemporaryDirectory() as folder, enough_memory(steps):
            return evaluate_files(train, test, models, given, Path(folder), steps)

    console = Console()
    evaluation = steps_shown(run, console)
    console.print(rendered(evaluation))
    _write(evaluation, *outputs)


def _write(
    evaluation: "FileEvaluation", lists: Path | None, json: Path | None, report: Path | None, csv: Path | None
) -> None:
    from datetime import UTC

    import orjson

    from eval.export.csv import write_own_tables
    from eval.files.table import as_data, write_lists
    from eval.report.builders.files import build_report
    from eval.report.builders.provenance import run_id
    from eval.report.html import write_page

    if lists is not None:
        write_lists(evaluation, lists)
    if json is not None:
        data = as_data(evaluation)
        json.write_bytes(orjson.dumps({"run": run_id(data), **data}, option=orjson.OPT_INDENT_2))
    if csv is not None:
        write_own_tables(evaluation, csv)
    if report is not None:
        write_page(build_report(evaluation, datetime.now(UTC)), report)


def _lengths(words: str) -> tuple[int, ...]:
    """The lengths asked for, ascending, each once."""
    parts = [part.strip() for part in words.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= LONGEST for part in parts):
        raise typer.BadParameter(
            f"{words!r}: write lengths from 1 to {LONGEST:,}, such as 10 or 10,20", param_hint="-k"
        )
    return tuple(sorted({int(part) for part in parts}))


def _one(ks: tuple[int, ...]) -> int:
    if len(ks) > 1:
        raise typer.BadParameter("the shop's log is judged at one length at a time; give one", param_hint="-k")
    return ks[0]


def _both(train: Path | None, test: Path | None) -> tuple[Path, Path]:
    if train is None or test is None:
        raise typer.BadParameter("give --train and --test, or neither to judge by the shop's own log")
    return train, test


def _refuse(ctx: typer.Context, names: Sequence[str], why: str) -> None:
    """One error for all options that were given among those parameters of the command."""
    given = [
        max(param.opts, key=len)
        for name in names
        for param in ctx.command.params
        if param.name == name and _is_given(ctx, name)
    ]
    if given:
        raise typer.BadParameter(why, param_hint=", ".join(given))


def _is_given(ctx: typer.Context, name: str) -> bool:
    """Whether somebody said so, be it what stands there anyway."""
    source = ctx.get_parameter_source(name)
    return source is not None and not source.name.startswith("DEFAULT")


def _ms(moment: datetime | None) -> int | None:
    from datetime import UTC

    return None if moment is None else round(moment.replace(tzinfo=UTC).timestamp() * 1000)
