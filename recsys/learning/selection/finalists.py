"""Finalists: the choice between models by all held-back parts, and between the best of them by more customers."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile

from recsys.arrays import Ints
from recsys.learning.ensemble_weights import BlendChoice, choose_blend
from recsys.learning.holdout import Holdout
from recsys.learning.selection.trial import Trial, model_verdicts
from recsys.learning.validation import ValidationUsers, candidate_lists
from recsys.models.base import Learner, Model
from recsys.models.candidates import Candidates
from recsys.models.fit_cost import DataSize, foretold_seconds
from recsys.ranking.candidates.sources import BLEND_DEPTH

COSTLY_S = 10.0  # CPU seconds of a fit, foretold; what costs more has to show something on the first held-back part

Lists = Mapping[str, Sequence[Candidates]]


def choose_models(
    lists: Lists,
    relevant: Sequence[Ints],
    learners: Mapping[str, Learner],
    more: Sequence[tuple[Holdout, ValidationUsers]],
    last_look: Iterable[tuple[Holdout, ValidationUsers]],
    trial: Trial,
) -> BlendChoice:
    """The choice with all further splits; then again among its finalists, with as many more as the budget allows."""
    optional = trial.plan.optional
    if more:
        lists = _worth_more_fits(lists, relevant, learners, DataSize.of_data(more[0][0].past), trial)
    lists, relevant = _with_more_splits(lists, relevant, learners, more, trial)
    with trial.step("blend"):
        choice = choose_blend(lists, optional, relevant)
    finalists = {name: learners[name] for name in sorted(choice.finalists)}
    if len(finalists) < 2:
        return choice
    splits = list(takewhile(lambda split: trial.spend(finalists, *split), last_look))
    if not splits:
        return choice
    trial.drop(choice, [name for name in lists if name not in finalists and name in optional])
    trial.verdicts |= model_verdicts(choice)
    lists, relevant = _with_more_splits({name: lists[name] for name in finalists}, relevant, learners, splits, trial)
    with trial.step("blend of finalists"):
        return choose_blend(lists, optional, relevant)


def _worth_more_fits(
    lists: Lists, relevant: Sequence[Ints], learners: Mapping[str, Learner], size: DataSize, trial: Trial
) -> Lists:
    """Without the costly spare models that are worse beyond noise on the first held-back part."""
    optional = trial.plan.optional
    costly = {name for name in lists if name in optional and foretold_seconds(learners[name], size) > COSTLY_S}
    if not costly:
        return lists
    choice = choose_blend(lists, optional, relevant)
    dropped = costly - choice.in_question
    trial.drop(choice, sorted(dropped))
    trial.verdicts |= {name: verdict for name, verdict in model_verdicts(choice).items() if name in dropped}
    return {name: own for name, own in lists.items() if name not in dropped}


def _with_more_splits(
    lists: Lists,
    relevant: Sequence[Ints],
    learners: Mapping[str, Learner],
    splits: Sequence[tuple[Holdout, ValidationUsers]],
    trial: Trial,
) -> tuple[Lists, Sequence[Ints]]:
    """The candidates and the relevant items, of the first users and of those of all other splits."""
    for holdout, users in splits:
        models = trial.fit({name: learners[name] for name in lists}, holdout.past, "try again")
        lists = {name: [*lists[name], *new_item_lists(model, users)] for name, model in models.items()}
        relevant = [*relevant, *users.new]
    return lists, relevant


def new_item_lists(model: Model, users: ValidationUsers) -> list[Candidates]:
    return candidate_lists(model, users, only_new=True, depth=BLEND_DEPTH)
