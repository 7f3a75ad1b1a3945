"""Shop of a notebook: frames in, recommendations out, over the same home, training and lists as the command.

import recsys
shop = recsys.Shop.from_frames(events, items).fit()
shop.recommend("900", placement="home", k=10)
"""

import shutil
import tempfile
import tomllib
import warnings
import weakref
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import polars as pl
import tomli_w
from rich.console import Console
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from eval.backtest.records import read_records
from eval.backtest.run import run_backtest
from eval.export.notebook import NotebookEvaluation
from eval.splits.windows import WindowSchedule
from recsys.bundle import live_version
from recsys.cli.context import CliContext, live_recommender, query_for
from recsys.config import ShopSettings
from recsys.errors import BadInput
from recsys.learning.recipe import read_recipe
from recsys.progress import StepLog
from recsys.ranking.query import Query, RecommendationList
from recsys.ranking.recommender import Recommender
from recsys.time_units import milliseconds, now_ms
from training.frames import FrameColumns, as_frame, import_frames
from training.job import TrainingOptions, train
from training.registry import open_registry
from training.schedule.job_lock import job_lock, open_job_lock

FRAME = {"item": pl.String, "name": pl.String, "score": pl.Float64, "reason": pl.String}


class Shop:
    """A shop's home in Python: what `recsys` does on the command line, over frames.

    home: the folder with the log, the catalogue and the releases; `recsys --home HOME serve` serves the same lists.
    Settings come from recsys.toml, in the home or the current folder, and from RECSYS_* variables, as for the command.
    """

    def __init__(self, home: Path | str) -> None:
        self.home = Path(home)

    @classmethod
    def open(cls, home: Path | str) -> Self:
        """The shop of a home that `save` or the command `recsys import` made.  Raises BadInput without any there."""
        shop = cls(home)
        shop._context.existing_store().close()
        return shop

    @classmethod
    def from_frames(
        cls,
        events: Any,
        items: Any = None,
        customers: Any = None,
        *,
        columns: Mapping[str, str] | None = None,
        kind: str = "purchase",
        kinds: Mapping[str, str] | None = None,
    ) -> Self:
        """A new shop from frames of polars or pandas, Arrow tables, or columns by name.

        events need a customer, an item and a time; kind, quantity, price or amount, order_id and rating are read, too.
        items: item_id, and optionally name, category, brand, price, stock; customers: user_id.  Other columns of both
        become attributes.  Columns are known by usual names (user_id, customer_id, sku, timestamp, ...); `columns`
        names others: {"user_id": "household"}.  kind: of events without one; kinds: {"transaction": "purchase"}.

        The shop lies in a temporary folder until `save`.  Warns of refused rows.  Raises BadInput when a column is
        missing or all rows are refused.
        """
        given = {"events": events, "items": items, "customers": customers}
        frames = {name: as_frame(table) for name, table in given.items() if table is not None}
        shop = cls(tempfile.mkdtemp(prefix="recsys-"))
        weakref.finalize(shop, shutil.rmtree, shop.home, ignore_errors=True)
        with closing(shop._context.store()) as store:
            import_frames(store, shop.home, frames, FrameColumns(columns or {}, kind, kinds or {}))
        return shop

    def fit(self, **settings: Any) -> Self:
        """Learns from the whole log and puts the release into service, as `recsys train`; returns the shop.

        settings: of the table [train], for this training only, such as spare_seconds=0.  Warns where the gate rejected
        the release.  Raises NotEnoughData, BadSettings.
        """
        with self._job("train") as (store, steps), self._settings_file(settings) as file:
            lock = open_job_lock(self.home, ShopSettings.load(file).database_url)
            with job_lock(lock, open_registry(self.home, file), "train") as generation:
                result = train(store, self.home, file, steps, TrainingOptions(generation=generation))
        if not result.verdict.may_go_live:
            reasons = "; ".join(result.verdict.reasons)
            warnings.warn(f"{result.verdict.version} was rejected, the live release stays: {reasons}", stacklevel=2)
        return self

    def recommend(
        self, user: object, *, placement: str = "home", k: int = 10, at: datetime | None = None
    ) -> pl.DataFrame:
        """A list for the customer: item, name, score, reason; best first.

        An unknown customer gets what the shop sells best.  at: as of that moment instead of now.  Raises NoBundle
        before `fit`, UnknownPlacement.
        """
        with closing(self._context.existing_store()) as store:
            recommender = live_recommender(self._context, store)
            query = query_for(store, recommender, str(user), placement=placement, k=k)
            return _list(recommender, query, at)

    def similar(self, item: object, *, k: int = 10, at: datetime | None = None) -> pl.DataFrame:
        """What goes with the item: item, name, score, reason; best first.  Raises NoBundle, UnknownItem."""
        with closing(self._context.existing_store()) as store:
            recommender = live_recommender(self._context, store)
            return _list(recommender, recommender.similar_query(str(item), k=k, now_ms=now_ms()), at)

    def evaluate(
        self, *, days: float = 28.0, windows: int = 1, k: int = 10, seed: int = 0, spare_seconds: float = 240.0
    ) -> NotebookEvaluation:
        """Every model and placement beside the baselines, on the last weeks of the log, as `recsys evaluate`.

        Learns anew from what was before each window; needs no `fit`.  spare_seconds: for trying optional models, in
        each window; 0 tries none.  Raises NotEnoughData.
        """
        recipe = read_recipe(self._context.file, validation_days=days, seed=seed, optional_seconds=spare_seconds)
        with self._job("evaluate") as (store, steps):
            schedule = WindowSchedule(windows, days, k=k, seed=seed)
            return NotebookEvaluation(run_backtest(read_records(store), recipe, self._context.file, steps, schedule))

    def save(self, home: Path | str) -> Self:
        """Copies the whole shop to a folder, for `recsys --home HOME serve`; returns the shop there.

        Raises BadInput where there is something already.
        """
        path = Path(home)
        if path.exists() and any(path.iterdir()):
            raise BadInput(f"{path}: there is something already; name a new folder")
        shutil.copytree(self.home, path, dirs_exist_ok=True)
        return type(self)(path)

    def __repr__(self) -> str:
        with closing(self._context.existing_store()) as store:
            live = live_version(self.home / "bundles")
            return f"Shop({str(self.home)!r}): {store.head():,} events, {live or 'not fitted yet'}"

    @property
    def _context(self) -> CliContext:
        return CliContext(self.home, Path())

    @contextmanager
    def _job(self, name: str) -> Iterator[tuple[Any, StepLog]]:
        """The store and the steps of a job, shown in a terminal; a thread for each library, as our models want it."""
        with (
            closing(self._context.existing_store()) as store,
            Console(stderr=True).status(name) as status,
            threadpool_limits(limits=1),
        ):
            yield store, StepLog(lambda step: status.update(f"{name}: {step}"))

    @contextmanager
    def _settings_file(self, settings: Mapping[str, Any]) -> Iterator[Path | None]:
        """The settings file of the home; with further settings, a copy that holds them."""
        file = self._context.file
        if not settings:
            yield file
            return
        tables = {} if file is None else tomllib.loads(file.read_text())
        with tempfile.TemporaryDirectory() as folder:
            changed = Path(folder) / "recsys.toml"
            changed.write_text(tomli_w.dumps({**tables, "train": {**tables.get("train", {}), **settings}}))
            yield changed


def _list(recommender: Recommender, query: Query, at: datetime | None) -> pl.DataFrame:
    """The answer to the query, as of `at`."""
    answer: RecommendationList = recommender.recommend(query if at is None else replace(query, now_ms=milliseconds(at)))
    rows = [(item.item_id, item.name, item.score, item.reason.text) for item in answer.items]
    return pl.DataFrame(rows, schema=FRAME, orient="row")
