"""`recsys tune`: better settings for the shop's models, looked for on weeks held back; training reads them."""

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

TRIED = "tuning.log"  # in the home: every setting tried, so that a search can go on
HEAD = """# Written by `recsys tune`; recsys.toml wins over it. Delete a table to return to the defaults.
"""

Tell = Callable[[str, float, int, float], None]  # model, its seconds, settings tried, best so far


@dataclass(frozen=True, slots=True)
class Wish:
    """Which models to look at (all that training makes when empty), for how long together, with which seed."""

    models: Sequence[str]
    seconds: float
    seed: int


def tune(
    ctx: typer.Context,
    seconds: Annotated[float, typer.Option(min=1, help="How long to look, for all models together.")] = 600,
    model: Annotated[
        list[str] | None, typer.Option(help="Only this model; again for more. Default: all that training makes.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed tries the same settings.")] = 0,
) -> None:
    """Look for better settings of the models on weeks held back; `recsys train` then uses what was found.

    Example: [bold]recsys tune --seconds 900 --model als --model user_neighbours[/]

    Stopped or run again, it goes on where it was. A model keeps its defaults unless others beat them beyond noise,
    judged by customers the search did not see. What recsys.toml says is never changed.
    """
    from rich.console import Console

    console = Console(highlight=False)
    wish = Wish(model or (), seconds, seed)
    with _progress(seconds) as (tell, note):
        found = search(ctx.obj.store(), ctx.obj.home, ctx.obj.file, wish, tell, note)
    for one in found:
        console.print(_sentence(one))
    console.print(f"Written to {_path(ctx.obj.home)}; the next [bold]recsys train[/] uses it.")


def search(
    store: "Store", home: Path, file: Path | None, wish: Wish, tell: Tell, note: Callable[[str], None]
) -> list["TunedModel"]:
    """Searches and writes the file that training reads.  Raises NotEnoughData, BadSettings, UnknownModel."""
    from recsys.config import table
    from recsys.learning.hyperparameter_search import Search
    from recsys.learning.hyperparameter_search import tune as tune_one
    from recsys.learning.recipe import recipe_of
    from recsys.models.registry import BUY_AGAIN
    from training.settings import TrainSettings

    start, tables = time.perf_counter(), table(file, "models")
    recipe = recipe_of(file, validation_days=TrainSettings.load(file).validation_days, seed=wish.seed)
    names = _names(recipe.plan, wish.models)
    note("reading")
    trial = _trial(store, recipe)
    found = []
    for n, name in enumerate(names):
        note(name)
        share = (wish.seconds - (time.perf_counter() - start)) / (len(names) - n)
        given = {key: value for key, value in tables.get(name, {}).items() if key != "off"}
        asked = replace(trial, only_new=name != BUY_AGAIN)
        how = Search(share, wish.seed, home / TRIED)
        found.append(tune_one(name, given, asked, how, partial(tell, name)))
    write(home, found, tables)
    return found


def write(home: Path, found: Sequence["TunedModel"], given: Mapping[str, Any]) -> None:
    """One table for each model whose defaults were beaten; those of models not looked at now are kept."""
    from recsys.atomic_file import replace_file
    from recsys.config import table

    path = _path(home)
    tables = table(path, "models")
    for one in found:
        tables.pop(one.name, None)
        if one.is_better:
            tables[one.name] = {key: value for key, value in one.params.items() if key not in given.get(one.name, {})}
    notes = {one.name: f"# {_sentence(one)}\n" for one in found}
    text = "".join(f"\n{notes.get(name, '')}[models.{name}]\n{_lines(params)}" for name, params in tables.items())
    replace_file(path, (HEAD + text).encode())


@contextmanager
def _progress(seconds: float) -> "Iterator[tuple[Tell, Callable[[str], None]]]":
    """A bar over the seconds, with the model under search, how many settings were tried, and the best so far."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    start = time.perf_counter()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("reading", total=seconds)

        def tell(name: str, gone: float, tried: int, best: float) -> None:
            words = f"{name}: {tried} settings in {gone:.0f} s, best nDCG@10 {best:.4f}"
            bar.update(task, completed=time.perf_counter() - start, description=words)

        yield tell, lambda name: bar.update(task, completed=time.perf_counter() - start, description=name)
        bar.update(task, completed=seconds)


def _names(plan: "Plan", wanted: Sequence[str]) -> list[str]:
    from recsys.config import nearest
    from recsys.errors import UnknownModel
    from recsys.models.registry import CONTEXT_ONLY, LEARNERS

    known = [name for name in LEARNERS if name not in CONTEXT_ONLY]
    for name in wanted:
        if name not in known:
            raise UnknownModel(f"{name!r} is no model to tune; {nearest(name, known)}")
    return list(wanted) or [name for name in plan.learners if name not in CONTEXT_ONLY]


def _trial(store: "Store", recipe: Any) -> "Validation":
    """The past to learn from and the customers who judge."""
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


def _sentence(found: "TunedModel") -> str:
    tried = f"{found.n_tried:,} settings tried"
    if not found.is_better:
        return (
            f"{found.name}: the defaults stay, nothing beats them beyond noise ({tried}; nDCG@10 {found.default:.4f})"
        )
    return (
        f"{found.name}: {100 * found.gain:.1f} % better, nDCG@10 {found.default:.4f} to {found.reached:.4f} ({tried})"
    )


def _lines(params: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_toml(value)}\n" for key, value in params.items())


def _toml(value: Any) -> str:
    """A number, a word or a truth as TOML writes it; inf is a number there."""
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _path(home: Path) -> Path:
    from training.settings import TUNED

    return home / TUNED
