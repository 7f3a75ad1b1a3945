"""Fair comparison in time: both releases learn again from the same past, so that neither knows the weeks that judge."""

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp

from eval.splits.time_split import TimeSplit, last_ms, split_at
from recsys.bundle import Bundle, Manifest
from recsys.data.dataset.snapshot import Snapshot
from recsys.errors import BadSettings, UnknownModel
from recsys.learning.bundle_builder import build_bundle
from recsys.learning.recipe import Recipe, recipe_of
from recsys.progress import StepLog
from recsys.ranking.recommender import Recommender, build_recommender
from recsys.time_units import DAY_MS, date

MOST_OF_LOG = 0.25  # the weeks that judge are at most this part of the log, so that enough is left to learn from


@dataclass(frozen=True, slots=True)
class FairPast:
    """What was known at the cut, and how to learn from it.  folder: for the releases that are made of it."""

    snapshot: Snapshot
    split: TimeSplit
    recipe: Recipe
    file: Path | None
    folder: Path

    def learn_again(self, release: Bundle, steps: StepLog) -> Recommender:
        """What that release would have been at the cut: its models, settings, mix and curves, without later events.

        Raises BadSettings or UnknownModel where another build chose its models.
        """
        recipe, version = recipe_of(release, self.recipe), release.manifest.version
        folder = Path(mkdtemp(dir=self.folder))
        made = build_bundle(self.snapshot, folder, recipe, steps, version=version, now=self.split.now)
        return build_recommender(made, (), self.file, remember=0)


@dataclass(frozen=True, slots=True)
class FairChampion:
    """The live release as it is judged, None where it cannot be; words: how that is fair."""

    recommender: Recommender | None
    words: str


def cut_last_weeks(snapshot: Snapshot, days: float) -> TimeSplit:
    """The log cut before its last `days`, or before its last quarter where that is less.  Raises NotEnoughData."""
    end_ms = last_ms(snapshot.events) + 1
    span_ms = end_ms - int(snapshot.events["at_ms"].to_numpy().min())
    return split_at(snapshot.events, end_ms - round(min(days * DAY_MS, MOST_OF_LOG * span_ms)))


def fair_champion(
    past: FairPast, champion: Recommender, challenger: Manifest, again: Recommender, steps: StepLog
) -> FairChampion:
    """The live release with what it could know at the cut.  again: the new release, of that manifest, as of the cut.

    Where it ended before the cut, it answers itself, with the newer events folded in; else it learns again.
    """
    manifest, cut = champion.bundle.manifest, date(past.split.now)
    if manifest.now <= past.split.now:
        words = f"the live release learnt nothing after {date(manifest.now)} and answers itself, newer events folded in"
        return FairChampion(champion, f"{words}; the new one learnt again from everything before {cut}")
    words = f"both know the weeks from {cut} on, so both learnt again from everything before, with their own choices"
    if _learns_the_same(manifest, challenger):
        own = champion.engine
        engine = replace(again.engine, blend=own.blend, calibrations=own.calibrations, repeat_share=own.repeat_share)
        return FairChampion(replace(again, engine=engine), words)
    try:
        return FairChampion(past.learn_again(champion.bundle, steps), words)
    except (BadSettings, UnknownModel) as error:
        return FairChampion(None, f"the live release was made by another build and cannot learn again ({error})")


def _learns_the_same(first: Manifest, second: Manifest) -> bool:
    weights = [manifest.blend["weight_by_kind"] for manifest in (first, second)]
    is_same = (first.models, first.engine) == (second.models, second.engine)
    return is_same and weights[0] == weights[1]
