"""Command `recsys evaluate`: compares lists on the shop's own log or on two given files, before a customer sees one."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from eval.cli.answers import AnswerOptions, evaluate_from_answers
from eval.cli.campaign_result import result
from eval.cli.compare import JsonOption, compare
from eval.cli.experiment_reading import read
from eval.cli.promotions import effect, responses
from eval.cli.shown import shown
from eval.export.outputs import Outputs, shop_files
from recsys.cli.completion import complete_model
from recsys.cli.reading_options import ReadingOptions, with_reading_options
from recsys.cli.registration import add_to_group, register_command
from recsys.time_units import milliseconds

if TYPE_CHECKING:
    from eval.files.results import FileTerms, SeenItems
    from eval.files.timestamps import Parting
    from recsys.data.files.column_mapping import ColumnMapping

EXAMPLE = """
Example: [bold]recsys evaluate --windows 3 --days 28[/]

Cuts the log in time, learns from the events before the cut, makes a list for every customer as of the cut, and
compares it with what they bought after it. It does so once for each window, because one month may be lucky.
Best-sellers, own frequency and random lists stand beside every model.

Example: [bold]recsys evaluate --train train.csv --test test.csv -k 10,20 --model als:factors=64 --model auto[/]

Needs no shop: learns from one file, judges by the other. Columns: user, item, and optionally weight or rating, time,
order_id; other names are guessed or given with --map. --report page.html writes a page for the people who decide.

Example: [bold]recsys evaluate customers --windows 3 --report customers.html[/]

Judges what is said about customers (value, churn, needs, chances to buy, stages, clusters) at past moments, beside
simple rules: the last window, recency, visits of 91 days, frequency. --cut is the moment of the needs.

Example: [bold]recsys evaluate --from-answers --rules rules.toml --placement home -k 3[/]

Says what other rules would have earned, from the answers that explored (a `seed`), and refuses in words where the log
cannot know it.
"""
OWN_FILES, OWN_LOG = "With files of your own", "On the shop's log"
FILES_ONLY = "works on two files: give --train and --test as well"
LOG_ONLY = "works on the shop's own log: leave --train and --test out"
RATINGS_WITHOUT = "says nothing where predicted ratings are judged: leave it out, or --task rating"
OF_LISTS_ALONE = "is for lists: leave it out, or evaluate lists"
OF_LOG = ("days", "cut", "windows", "segment")
OF_FILES = (
    "model",
    "seen",
    "parting",
    "columns",
    "items",
    "lists",
    "tune",
    *(field.name for field in fields(ReadingOptions)),
)
OF_LISTS = (*OF_LOG, "seen", "parting", "tune", "k")
OF_ANSWERS = ("rules", "placements", "placement", "since")
OF_ANSWERS_ALONE = "says nothing of logged answers: leave it out beside --from-answers"
LONGEST = 1_000
WINDOWS = 3

_on_log = partial(typer.Option, rich_help_panel=OWN_LOG)
_on_files = partial(typer.Option, rich_help_panel=OWN_FILES)

DaysOption = Annotated[float, _on_log(min=1, help="Length of a window that is held back, in days.")]
CutOption = Annotated[datetime | None, _on_log(help="First day held back (UTC); default: the last --days of the log.")]
WindowsOption = Annotated[
    int | None,
    _on_log(
        min=1,
        max=24,
        help=f"How many windows of --days, the last one and those before it; default {WINDOWS}, with --cut 1.",
    ),
]
SegmentOption = Annotated[
    str | None,
    _on_log(
        help="Attribute that splits customers into groups; default: the one most have. Or segment:NAME, a saved one."
    ),
]
TrainOption = Annotated[
    Path | None, _on_files(help="CSV, TSV, JSONL, Parquet, .xlsx or .zip to learn from, or - with --format.")
]
TestOption = Annotated[Path | None, _on_files(help="The file to judge by.")]
TaskOption = Annotated[
    Literal["ranking", "rating"],
    _on_files(help="Judge lists, or predicted ratings (--model item_knn, user_knn, factors, auto)."),
]
ModelOption = Annotated[
    list[str] | None,
    _on_files(
        help="name:parameter=value,... again for each; auto (the default) is what `recsys train` would serve.",
        autocompletion=complete_model,
    ),
]
SeenOption = Annotated[
    Literal["hide", "keep"],
    _on_files(help="Items that a customer has in the training file: hide them or keep them."),
]
PartingOption = Annotated[
    Literal["time", "visit", "random"] | None,
    _on_files(
        help="How the two files were split: at one moment, before each customer's last visit, or at random; "
        "default: recognised."
    ),
]
MapOption = Annotated[
    list[str] | None, _on_files("--map", help="user=COLUMN,item=COLUMN,... where the columns have other names.")
]
ItemsOption = Annotated[
    Path | None, _on_files(help="A file of items with their names, such as movies.csv, for the report page.")
]
TuneOption = Annotated[
    float,
    _on_files(
        min=0,
        help="Search better settings of all --model together for so many seconds, in the training file only.",
    ),
]
ListsOption = Annotated[
    Path | None,
    _on_files(help="Write model,user,item,rank,score as CSV; of ratings user,item,prediction,truth,model."),
]
SubjectArgument = Annotated[
    Literal["lists", "customers"], typer.Argument(help="Judge lists, or what is said about customers.")
]
CsvOption = Annotated[
    Path | None,
    typer.Option(file_okay=False, help="Also write the tables as CSV into this folder; not of predicted ratings."),
]
ReportOption = Annotated[
    Path | None, typer.Option(help="Write a page to read and to pass on: one HTML file with charts.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands to `recsys`."""
    for command in (evaluate, compare):
        register_command(app, command, panel="Judge", is_job=True)
    register_command(app, shown, panel="Judge")
    add_to_group(app, "campaign", result)
    add_to_group(app, "experiment", read)
    for command in (effect, responses):
        add_to_group(app, "promotions", command)


@with_reading_options(ReadingOptions)
@with_reading_options(AnswerOptions, "answers")
def evaluate(
    ctx: typer.Context,
    subject: SubjectArgument = "lists",
    days: DaysOption = 28.0,
    cut: CutOption = None,
    windows: WindowsOption = None,
    segment: SegmentOption = None,
    csv: CsvOption = None,
    train: TrainOption = None,
    test: TestOption = None,
    model: ModelOption = None,
    task: TaskOption = "ranking",
    seen: SeenOption = "hide",
    parting: PartingOption = None,
    columns: MapOption = None,
    items: ItemsOption = None,
    lists: ListsOption = None,
    tune: TuneOption = 0.0,
    k: Annotated[str, typer.Option("-k", help="Length of the lists; several for files: 10,20.")] = "10",
    seed: Annotated[int, typer.Option(min=0, help="Seed of learning and resampling.")] = 0,
    json: JsonOption = None,
    report: ReportOption = None,
    *,
    options: ReadingOptions,
    answers: AnswerOptions,
) -> None:
    """Compare models and placements with the baselines, on the last weeks of the log or on two files."""
    ks, models, maps = _lengths(k), model or ["auto"], columns or []
    outputs = Outputs(json, report, csv, lists)
    outputs.check({"--train": train, "--test": test, "--items": items, **shop_files(ctx.obj.home, ctx.obj.file)})
    _refuse(ctx, () if answers.from_answers else OF_ANSWERS, "is for the answer log: give --from-answers as well")
    if answers.from_answers:
        _refuse(ctx, (*OF_FILES, *OF_LOG, "train", "test", "task", "csv", "report"), OF_ANSWERS_ALONE)
        evaluate_from_answers(ctx.obj, answers, _single_length(ks), seed, outputs)
    elif subject == "customers":
        _refuse(ctx, (*OF_FILES, "train", "test", "task", "days", "k", "csv"), OF_LISTS_ALONE)
        _evaluate_customers(ctx, windows or WINDOWS, seed, segment, cut, outputs)
    elif task == "rating":
        _refuse_of_ratings(ctx)
        _evaluate_ratings(_both(train, test), seed, models, _written(options, maps), outputs, items)
    elif train is not None or test is not None:
        from eval.cli.files import evaluate_lists

        _refuse(ctx, OF_LOG, LOG_ONLY)
        terms = _file_terms(ks, seen, seed, tune, parting)
        evaluate_lists(_both(train, test), terms, models, _written(options, maps), outputs, items)
    else:
        _refuse(ctx, OF_FILES, FILES_ONLY)
        _evaluate_lists_of_log(ctx, days, cut, windows, segment, _single_length(ks), seed, outputs)


def _file_terms(
    ks: tuple[int, ...], seen: "SeenItems", seed: int, tune: float, parting: "Parting | None"
) -> "FileTerms":
    from eval.files.results import FileTerms
    from recsys.config import TrainSettings

    return FileTerms(ks, seen, seed, tune, parting, TrainSettings.load().spare_seconds)


def _evaluate_customers(
    ctx: typer.Context, windows: int, seed: int, segment: str | None, cut: datetime | None, outputs: Outputs
) -> None:
    from eval.cli.customers import evaluate_people

    evaluate_people(ctx.obj, windows, seed, segment, cut, outputs)


def _refuse_of_ratings(ctx: typer.Context) -> None:
    _refuse(ctx, ("csv",), "there are no tables of predicted ratings; ask for --json or --lists")
    _refuse(ctx, OF_LISTS, RATINGS_WITHOUT)


def _evaluate_ratings(
    files: tuple[Path, Path],
    seed: int,
    models: Sequence[str],
    written: "ColumnMapping",
    outputs: Outputs,
    items: Path | None,
) -> None:
    from eval.cli.ratings import evaluate_predictions

    evaluate_predictions(files, seed, models, written, outputs, items)


def _evaluate_lists_of_log(
    ctx: typer.Context,
    days: float,
    cut: datetime | None,
    windows: int | None,
    segment: str | None,
    k: int,
    seed: int,
    outputs: Outputs,
) -> None:
    from eval.cli.backtest import evaluate_log
    from eval.splits.windows import WindowSchedule

    n_windows, cut_ms = windows or (WINDOWS if cut is None else 1), None if cut is None else milliseconds(cut)
    schedule = WindowSchedule(n_windows, days, cut_ms=cut_ms, k=k, seed=seed, segment=segment)
    evaluate_log(ctx.obj, schedule, outputs)


evaluate.__doc__ = f"{evaluate.__doc__}\n{EXAMPLE}"


def _written(options: ReadingOptions, maps: Sequence[str]) -> "ColumnMapping":
    from eval.files.loader import TARGETS
    from recsys.data.files.column_mapping import ColumnMapping

    return options.applied_to(ColumnMapping.parse(maps, (), TARGETS))


def _lengths(words: str) -> tuple[int, ...]:
    """The distinct lengths, ascending."""
    parts = [part.strip() for part in words.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= LONGEST for part in parts):
        raise typer.BadParameter(
            f"{words!r}: write lengths from 1 to {LONGEST:,}, such as 10 or 10,20", param_hint="-k"
        )
    return tuple(sorted({int(part) for part in parts}))


def _single_length(ks: tuple[int, ...]) -> int:
    if len(ks) > 1:
        raise typer.BadParameter("the shop's log is judged at one length at a time; give one", param_hint="-k")
    return ks[0]


def _both(train: Path | None, test: Path | None) -> tuple[Path, Path]:
    if train is None or test is None:
        raise typer.BadParameter("give --train and --test, or neither to judge by the shop's own log")
    return train, test


def _refuse(ctx: typer.Context, names: Sequence[str], why: str) -> None:
    """Raises one error that names all options among these parameters that were given."""
    given = [
        max(param.opts, key=len) for param in ctx.command.params if param.name in names and _is_given(ctx, param.name)
    ]
    if given:
        raise typer.BadParameter(why, param_hint=", ".join(given))


def _is_given(ctx: typer.Context, name: str) -> bool:
    """Whether the option was given, even with its default value."""
    source = ctx.get_parameter_source(name)
    return source is not None and not source.name.startswith("DEFAULT")
