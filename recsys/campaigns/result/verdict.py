"""Sentences of a campaign's result: what the figures say, and what they do not."""

from collections.abc import Mapping

from recsys.inference.welch import Effect

NO_PROOF = "no control group: not proof"
TITLES: Mapping[str, str] = {
    "welch": "plain difference of the arms",
    "cuped": "CUPED: without what the time before foretells",
    "naive": "naive: who was written to beside everybody else",
    "gap_before": "gap before: the same groups in the same time before",
    "difference_in_differences": "difference-in-differences: how much more they changed",
}
MISMATCH_WORDS = (
    "The arms are not what was drawn (sample-ratio mismatch), so no effect is told: find out whom the sending or the "
    "log lost, and draw the next campaign anew."
)


def drawn_words(effects: Mapping[str, Effect], subject: str) -> str:
    """The result beside a control group in one sentence.  effects: see `CampaignResult`."""
    effect = effects["cuped"]
    if effect.is_unseen:
        return "Nobody of either group paid anything in its time, so nothing can be told of what it changed."
    interval = f"{money_words(effect.low)} to {money_words(effect.high)} per customer"
    if not effect.is_clear:
        return f"It cannot be told whether {subject} changed anything: {interval} is what luck allows."
    change = "earned" if effect.difference > 0 else "lost"
    words = f"{subject} {change} {money_words(abs(effect.difference))} per customer ({interval})."
    return words[:1].upper() + words[1:]


def undrawn_words(effects: Mapping[str, Effect]) -> str:
    """The same of those it wrote to and everybody else."""
    naive, before = effects["naive"].relative, effects["gap_before"].relative
    words = f"spent {_compared(naive)} than everybody else, and {_compared(before)} already before it began"
    return f"Those it wrote to {words} ({NO_PROOF})."


def _compared(lift: float) -> str:
    return f"{abs(lift):.0%} {'less' if lift < 0 else 'more'}"


def money_words(value: float) -> str:
    """1,204.50, −3.20: money with its sign where it is negative."""
    return f"{value:,.2f}".replace("-", "−")
