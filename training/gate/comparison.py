"""Comparison of a new release with the live one and with the floors: the same held-back customers, one scorer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from eval.backtest.contenders import CandidateSet
from eval.backtest.records import Records
from eval.backtest.releases import Entrants, compare_recommenders
from eval.backtest.results import Evaluation
from eval.replay import as_of
from eval.splits.windows import WindowSchedule
from recsys.bundle import Bundle
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.dataset.snapshot import Snapshot
from recsys.gate.verdict import GateVerdict
from recsys.learning.recipe import Recipe
from recsys.progress import StepLog
from recsys.ranking.recommender import Recommender
from recsys.ranking.rules.model import NO_RULES, Rules
from recsys.time_units import DAY_MS
from training.gate.fair_past import FairChampion, FairPast, cut_last_weeks, fair_champion
from training.gate.settings import GateSettings

LIST_LENGTH = 10
JUDGED: Mapping[CandidateSet, tuple[str, ...]] = {"all": ("home",), "new": ("discover",)}
CHALLENGER, CHAMPION = "new release", "live release"  # what each learns without the weeks that judge
PUBLISHED, LIVE = "files of the new release", "files of the live release"  # they may know these weeks
MOST_MOVED = 0.1  # share of a blend that may have gone to other models between two releases whose files are compared
FIRST = FairChampion(None, "no release is live: the new one is compared with best-sellers and own frequency alone")


@dataclass(frozen=True, slots=True)
class GateInput:
    """A new release that was published, the live one as it would answer now, and what the new one was learnt from.

    history: verdicts on the releases so far, oldest first.
    """

    challenger: Bundle
    champion: Recommender | None
    snapshot: Snapshot
    recipe: Recipe
    file: Path | None
    settings: GateSettings
    rules: Rules = NO_RULES
    history: Sequence[GateVerdict] = ()


@dataclass(frozen=True, slots=True)
class GateComparison:
    """What the lists of CHALLENGER, CHAMPION, PUBLISHED and LIVE were worth; some may be missing.

    fairness: how the releases could be judged by the same weeks.  catalogue: of the shop, as the log and the items say.
    """

    evaluation: Evaluation
    fairness: str
    catalogue: Catalogue


def compare_with_champion(data: GateInput, published: Recommender, steps: StepLog) -> GateComparison:
    """Judges by the purchases of the last weeks.  published: the new release, opened.

    Raises NotEnoughData where nobody came back in these weeks.
    """
    split = cut_last_weeks(data.snapshot, data.settings.days)
    schedule = WindowSchedule(
        n_windows=1,
        days=(split.until_ms - split.cut_ms) / DAY_MS,
        k=LIST_LENGTH,
        seed=data.recipe.seed,
        most_customers=data.settings.customers,
    )
    records = Records(data.snapshot, data.snapshot.users)
    with TemporaryDirectory() as folder:
        past = FairPast(records.before(split).snapshot, split, data.recipe, data.file, Path(folder))
        again = past.learn_again(data.challenger, steps)
        fair = (
            FIRST
            if data.champion is None
            else fair_champion(past, data.champion, data.challenger.manifest, again, steps)
        )
        recommenders = {CHALLENGER: again, PUBLISHED: as_of(published, split.now)}
        if fair.recommender is not None:
            recommenders[CHAMPION] = fair.recommender
        is_other = data.champion is not fair.recommender
        if data.champion is not None and is_other and remember_alike(published, data.champion):
            recommenders[LIVE] = as_of(data.champion, split.now)
        entrants = Entrants(
            recommenders, reference=CHALLENGER, rivals=_rivals(frozenset(recommenders)), placements=JUDGED
        )
        evaluation = compare_recommenders(records, split, entrants, data.recipe, schedule, steps)
    return GateComparison(evaluation, fair.words, again.catalogue)


def remember_alike(published: Recommender, champion: Recommender) -> bool:
    """Whether both lists come from the same models, in much the same parts, learnt by the same build.

    Files know the weeks by heart that judge them, neighbours better than factors, and each build in its own way:
    between different ones that tells nothing of the lists of next week.
    """
    mine, theirs = published.engine.active_models, champion.engine.active_models
    moved = sum(abs(mine.get(name, 0.0) - theirs.get(name, 0.0)) for name in {*mine, *theirs}) / 2
    return moved <= MOST_MOVED and published.bundle.manifest.build == champion.bundle.manifest.build


def _rivals(names: frozenset[str]) -> dict[str, Sequence[str]]:
    """The files are compared with files, which may know the same weeks, and with what they should be worth at least."""
    rivals = {CHALLENGER: (CHAMPION,), PUBLISHED: (LIVE, CHALLENGER) if LIVE in names else (CHALLENGER, CHAMPION)}
    return {name: [rival for rival in others if rival in names] for name, others in rivals.items()}
