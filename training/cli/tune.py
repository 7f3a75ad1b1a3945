"""Command `recsys tune`: hyperparameter search for the shop's models on a holdout; training reads the result."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from recsys.data.store.base import Store
    from recsys.learning.hyperparameter_search import TunedModel
    from recsys.learning.plan import Plan
    from recsys.learning.validation import Validation

TRIALS = "tuning.log"  # in the home: every setting that was tried, so that a search can go on
HEAD = """# Written by `recsys tune`; recsys.toml wins over it. Delete a table to return to the defaults.
"""

ReportTrial = Callable[[str, float, int, float], None]  # model, its seconds, settings tried, best nDCG@10 so far


@dataclass(frozen=True, slots=True)
class TuneRequest:
    """Which models to tune (empty: all that training makes), for how long together, with which seed."""

    models: Sequence[str]
    seconds: float
    seed: int


def tune(
    ctx: typer.Context,
    seconds: Annotated[float, typer.Option(min=1, help="How long to search, for all models together.")] = 600,
    model: Annotated[
        list[str] | None, typer.Option(help="Only this model; again for more. Default: all that training makes.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed tries the same settings.")] = 0,
) -> None:
    """Search better settings of the models on weeks held back; `recsys train` then uses them.

    Example: [bold]recsys tune --seconds 900 --model als --model user_neighbours[/]

    When it is stopped and run again, it goes on where it was. A model keeps its defaults unless other settings beat
    them beyond noise, judged by customers the search did not see. Settings in recsys.toml are never changed.
    """
    from rich.console import Console

    console = Console(highlight=False)
    request = TuneRequest(model or (), seconds, seed)
    with _progress(seconds) as (report_trial, report_step):
        tuned = search(ctx.obj.store(), ctx.obj.home, ctx.obj.file, request, report_trial, report_step)
    for model_result in tuned:
        console.print(_sentence(model_result))
    console.print(f"Written to {_path(ctx.obj.home)}; the next [bold]recsys train[/] uses it.")


def search(
    store: "Store",
    home: Path,
    file: Path | None,
    request: TuneRequest,
    report_trial: ReportTrial,
    report_step: Callable[[str], None],
) -> list["TunedModel"]:
    """Searches and writes the file that training reads.  Raises NotEnoughData, BadSettings, UnknownModel."""
    from recsys.config import read_table
    from recsys.learning.hyperparameter_search import Search
    from recsys.learning.hyperparameter_search import tune as tune_model
    from recsys.learning.recipe import recipe_of
    from recsys.models.registry import BUY_AGAIN
    from training.settings import TrainSettings

    start, tables = time.perf_counter(), read_table(file, "models")
    recipe = recipe_of(file, validation_days=TrainSettings.load(file).validation_days, seed=request.seed)
    names = _names(recipe.plan, request.models)
    report_step("reading")
    validation = _validation(store, recipe)
    tuned = []
    for n, name in enumerate(names):
        report_step(name)
        share = (request.seconds - (time.perf_counter() - start)) / (len(names) - n)
        given = {key: value for key, value in tables.get(name, {}).items() if key != "off"}
        model_validation = replace(validation, only_new=name != BUY_AGAIN)
        budget = Search(share, request.seed, home / TRIALS)
        tuned.append(tune_model(name, given, model_validation, budget, partial(report_trial, name)))
    write(home, tuned, tables)
    return tuned


def write(home: Path, tuned: Sequence["TunedModel"], given: Mapping[str, Any]) -> None:
    """Writes a table for each model whose defaults were beaten; keeps those of models that were not tuned now.

    given: the settings of recsys.toml by model, which are not written again.
    """
    from recsys.atomic_file import replace_file
    from recsys.config import read_table

    path = _path(home)
    tables = read_table(path, "models")
    for model in tuned:
        tables.pop(model.name, None)
        if model.is_better:
            own = given.get(model.name, {})
            tables[model.name] = {key: value for key, value in model.params.items() if key not in own}
    notes = {model.name: f"# {_sentence(model)}\n" for model in tuned}
    text = "".join(f"\n{notes.get(name, '')}[models.{name}]\n{_lines(params)}" for name, params in tables.items())
    replace_file(path, (HEAD + text).encode())


@contextmanager
def _progress(seconds: float) -> "Iterator[tuple[ReportTrial, Callable[[str], None]]]":
    """A bar over the seconds: the model that is tuned, the number of settings tried, and the best so far."""
    from rich.console import Console
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


def _names(plan: "Plan", wanted: Sequence[str]) -> list[str]:
    from recsys.config import spelling_hint
    from recsys.errors import UnknownModel
    from recsys.models.registry import CONTEXT_ONLY, LEARNERS

    known = [name for name in LEARNERS if name not in CONTEXT_ONLY]
    for name in wanted:
        if name not in known:
            raise UnknownModel(f"{name!r} is no model to tune; {spelling_hint(name, known)}")
    return list(wanted) or [name for name in plan.learners if name not in CONTEXT_ONLY]


def _validation(store: "Store", recipe: Any) -> "Validation":
    """The past to learn from and the customers to validate on."""
    import numpy as np

    from recsys.data.dataset.dataset import build_dataset
    from recsys.data.dataset.snapshot import read_snapshot
    from recsys.learning.holdout import hold_out
    from recsys.learning.hyperparameter_search import MAX_EVENTS, MAX_USERS
    from recsys.learning.model_selection import sample_of
    from recsys.learning.validation import Validation, validation_users

    snapshot, plan, rng = read_snapshot(store), recipe.plan, np.random.default_rng(recipe.seed)
    data = build_dataset(
        snapshot.events,
        snapshot.items,
        now=snapshot.last_at,
        weight_by_kind=plan.weight_by_kind,
        never_show=recipe.never_show,
    ).data
    held = hold_out(data, plan.validation_days, rng)
    return Validation(sample_of(held.past, rng, MAX_EVENTS), validation_users(held, rng, MAX_USERS), only_new=True)


def _sentence(tuned: "TunedModel") -> str:
    name, default, n_trials = tuned.name, f"nDCG@10 {tuned.default:.4f}", f"{tuned.n_tried:,} settings tried"
    if not tuned.is_better:
        return f"{name}: the defaults stay, nothing beats them beyond noise ({n_trials}; {default})"
    return f"{name}: {100 * tuned.gain:.1f} % better, {default} to {tuned.reached:.4f} ({n_trials})"


def _lines(params: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_toml(value)}\n" for key, value in params.items())


def _toml(value: Any) -> str:
    """A number, text or boolean as TOML; inf is a number there."""
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _path(home: Path) -> Path:
    from training.settings import TUNED

    return home / TUNED
