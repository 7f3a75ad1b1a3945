"""Command `recsys tune`: hyperparameter search for the shop's models."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from recsys.cli.completion import complete_model
from recsys.cli.output import AsJson, print_json

if TYPE_CHECKING:
    from training.tuning import ReportTrial


def tune(
    ctx: typer.Context,
    seconds: Annotated[float, typer.Option(min=1, help="How long to search, for all models together.")] = 600,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this model; may be repeated. Default: all that training makes.", autocompletion=complete_model
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed tries the same settings.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Search better settings for the models on held-back weeks; `recsys train` then uses them.

    Example: [bold]recsys tune --seconds 900 --model als --model user_neighbours[/]

    If it is stopped and run again, it continues where it stopped. A model keeps its defaults unless other settings beat
    them beyond noise, judged by customers the search did not see. Settings in recsys.toml are never changed.
    """
    from training.home_files import TUNED
    from training.tuning import TuneRequest, summary, tune_models

    context, console, request = ctx.obj, Console(highlight=False), TuneRequest(model or (), seconds, seed)
    store = context.existing_store()
    with _progress(seconds) as (report_trial, report_step):
        tuned = tune_models(store, context.home, context.file, request, report_trial, report_step)
    if as_json:
        print_json(
            {
                "file": str(context.home / TUNED),
                "models": [{**asdict(model), "gain": model.gain} for model in tuned],
            }
        )
        return
    for tuned_model in tuned:
        console.print(summary(tuned_model))
    console.print(f"Written to {context.home / TUNED}; the next [bold]recsys train[/] uses it.")


@contextmanager
def _progress(seconds: float) -> "Iterator[tuple[ReportTrial, Callable[[str], None]]]":
    """A progress bar over the seconds, with the model in tuning, the number of settings tried, and the best so far."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    start = time.perf_counter()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("reading", total=seconds)

        def report_trial(name: str, elapsed_s: float, n_trials: int, best: float) -> None:
            text = f"{name}: {n_trials} settings in {elapsed_s:.0f} s, best nDCG@10 {best:.4f}"
            bar.update(task, completed=time.perf_counter() - start, description=text)

        yield report_trial, lambda name: bar.update(task, completed=time.perf_counter() - start, description=name)
        bar.update(task, completed=seconds)
