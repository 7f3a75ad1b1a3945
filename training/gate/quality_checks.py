"""Checks of the comparison: no loss to the live release, none to the floors, and no group of customers that loses."""

from collections.abc import Iterator

from eval.backtest.releases import list_name
from eval.backtest.results import Evaluation, ListSummary
from eval.protocol import BEST_SELLERS, OWN_FREQUENCY
from eval.scoring.scorer import adjust_groups
from eval.stats.paired import Comparison
from recsys.gate.verdict import Check, CheckResult
from training.gate.comparison import CHALLENGER, CHAMPION, LIVE, PUBLISHED
from training.gate.settings import GateSettings

ENOUGH_CUSTOMERS = 1_000  # so many make a shop that own frequency may refuse
FILES, FEWEST_FOR_DAMAGE, DAMAGE = "files", 10, 0.1  # customers, and the share of nDCG that only broken files lose
HOME, DISCOVER = "home", "discover"
TASKS = {HOME: "all", DISCOVER: "new"}
WORDS = {HOME: "the personal list", DISCOVER: "the list of new things"}


def quality_checks(evaluation: Evaluation, settings: GateSettings, *, has_own_choices: bool) -> list[Check]:
    """What the lists of the held-back customers say.

    has_own_choices: whether models, settings, mix or curves may differ from those of the champion.
    """
    return [
        *_against_champion(evaluation, settings, has_own_choices=has_own_choices),
        *_against_floors(evaluation, settings),
        *_of_files(evaluation, settings),
        *_of_groups(evaluation, settings),
    ]


def _against_champion(evaluation: Evaluation, settings: GateSettings, *, has_own_choices: bool) -> Iterator[Check]:
    """The personal list may hardly lose; that of new things, of which fewer are bought, must not lose for sure."""
    home = _comparison(evaluation, HOME, CHALLENGER, CHAMPION)
    if home is not None:
        yield _may_hardly_lose(home, settings.worst_loss, has_own_choices=has_own_choices)
    yield from _no_sure_loss(evaluation, "new things", DISCOVER, (CHALLENGER, CHAMPION), settings.worst_group_loss)


def _against_floors(evaluation: Evaluation, settings: GateSettings) -> Iterator[Check]:
    """Best-sellers refuse any release; what customers buy anyway only one of a shop that is large enough.

    In a young shop nothing says yet how a list should mix what is bought again and what is new; without a release it
    would serve nothing.
    """
    yield from _no_sure_loss(evaluation, BEST_SELLERS, HOME, (CHALLENGER, BEST_SELLERS), settings.worst_floor_loss)
    for check in _no_sure_loss(evaluation, OWN_FREQUENCY, HOME, (CHALLENGER, OWN_FREQUENCY), settings.worst_floor_loss):
        is_small = evaluation.tasks[0].n_customers < ENOUGH_CUSTOMERS
        young = {"result": "not judged", "words": f"{check.words}; a shop with so few customers is not held to it"}
        yield check.model_copy(update=young) if is_small and check.result == "failed" else check


def _of_files(evaluation: Evaluation, settings: GateSettings) -> Iterator[Check]:
    """What was published must answer as well as what it was made like: swapped or damaged files do not."""
    for placement in (HOME, DISCOVER):
        for rival in (CHALLENGER, LIVE):
            pair = PUBLISHED, rival
            yield from _no_sure_loss(evaluation, f"{FILES}, {placement}", placement, pair, settings.worst_group_loss)


def _of_groups(evaluation: Evaluation, settings: GateSettings) -> Iterator[Check]:
    line = _line(evaluation, HOME, CHALLENGER)
    rival = list_name(HOME, CHAMPION)
    judged = [group for group in line.groups if rival in group.result.against]
    if not judged:
        return
    losing = [
        f"{group.name} ({group.slice}): {_figures(group.result.against[rival])}"
        for group in adjust_groups(judged)
        if _surely_loses(group.result.against[rival], settings.worst_group_loss)
    ]
    limit = f"more than {settings.worst_group_loss:.0%} beyond chance"
    if losing:
        yield Check(name="groups", result="failed", words=f"groups of customers lose {limit}: {'; '.join(losing)}")
    else:
        yield Check(name="groups", result="passed", words=f"none of {len(judged)} groups of customers loses {limit}")


def _may_hardly_lose(comparison: Comparison, worst_loss: float, *, has_own_choices: bool) -> Check:
    """Non-inferiority: the lower end of the interval of the difference is above the loss that is allowed.

    So few customers that there is no interval can show it only by equal lists; they judge no newer data.
    """
    words = f"{WORDS[HOME]} against the live release: {_figures(comparison)}"
    if comparison.low == comparison.high == 0:
        return Check(name="champion", result="passed", words=words)
    if comparison.verdict == "too few":
        result: CheckResult = "failed" if has_own_choices else "not judged"
        return Check(name="champion", result=result, words=f"{words}: too few to tell a loss of {worst_loss:.0%}")
    if comparison.low > -worst_loss * comparison.champion or comparison.low >= 0:
        return Check(name="champion", result="passed", words=words)
    loss = f"is {comparison.words}" if _surely_loses(comparison, worst_loss) else f"may lose more than {worst_loss:.0%}"
    return Check(name="champion", result="failed", words=f"{words}: it {loss}")


def _no_sure_loss(
    evaluation: Evaluation, name: str, placement: str, pair: tuple[str, str], allowed: float
) -> Iterator[Check]:
    """Fails where the first of the pair loses more than that share of the second's, beyond chance."""
    comparison = _comparison(evaluation, placement, *pair)
    if comparison is None:
        return
    words = f"{WORDS[placement]} of the {pair[0]} against {pair[1]}: {_figures(comparison)}"
    if comparison.verdict == "too few" and name.startswith(FILES) and _is_damage(comparison):
        yield Check(name=name, result="failed", words=f"{words}: more than {DAMAGE:.0%} is lost, however few judge")
    elif comparison.verdict == "too few":
        yield Check(name=name, result="not judged", words=f"{words}: too few customers to tell")
    elif _surely_loses(comparison, allowed):
        yield Check(name=name, result="failed", words=f"{words}: it is {comparison.words}")
    else:
        yield Check(name=name, result="passed", words=words)


def _is_damage(comparison: Comparison) -> bool:
    """Whether so much is lost that even a few customers tell it: files that are whole answer as their recipe does."""
    return comparison.n_customers >= FEWEST_FOR_DAMAGE and comparison.high < -DAMAGE * comparison.champion


def _surely_loses(comparison: Comparison, allowed: float) -> bool:
    """Whether the whole interval is below the loss that is allowed: a lively night of a small shop is not."""
    return comparison.verdict == "worse" and comparison.high < -allowed * comparison.champion


def _figures(comparison: Comparison) -> str:
    """-0.3 % (-1.1 to +0.5 %) of nDCG .4127, 1,985 customers"""
    base = comparison.champion
    if not base > 0:
        return f"nDCG {comparison.challenger:.4f} against {base:.4f}, {comparison.n_customers:,} customers"
    share, low, high = (part / base * 100 for part in (comparison.difference, comparison.low, comparison.high))
    return f"{share:+.1f} % ({low:+.1f} to {high:+.1f} %) of nDCG {base:.4f}, {comparison.n_customers:,} customers"


def _comparison(evaluation: Evaluation, placement: str, name: str, rival: str) -> Comparison | None:
    """None where one of the two has no list."""
    against = _line(evaluation, placement, name).pooled.against
    return against.get(rival) or against.get(list_name(placement, rival))


def _line(evaluation: Evaluation, placement: str, name: str) -> ListSummary:
    task = next(task for task in evaluation.tasks if task.name == TASKS[placement])
    return next(line for line in task.lines if line.name == list_name(placement, name))
