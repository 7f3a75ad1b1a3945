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


def verdict_words(effects: Mapping[str, Effect], *, is_mismatch: bool, is_drawn: bool) -> str:
    """The result in one sentence.  effects: see `CampaignResult`."""
    if is_mismatch:
        return MISMATCH_WORDS
    if not is_drawn:
        return _undrawn_words(effects)
    effect = effects["cuped"]
    if effect.is_unseen:
        return "Nobody of either group paid anything in its time, so nothing can be told of what it changed."
    interval = f"{money_words(effect.low)} to {money_words(effect.high)} per customer"
    if not effect.is_clear:
        return f"It cannot be told whether the campaign changed anything: {interval} is what luck allows."
    change = "earned" if effect.difference > 0 else "lost"
    return f"The campaign {change} {money_words(abs(effect.difference))} per customer ({interval})."


def _undrawn_words(effects: Mapping[str, Effect]) -> str:
    naive, before = effects["naive"].relative, effects["gap_before"].relative
    words = f"spent {_compared(naive)} than everybody else, and {_compared(before)} already before it began"
    return f"Those it wrote to {words} ({NO_PROOF})."


def _compared(lift: float) -> str:
    return f"{abs(lift):.0%} {'less' if lift < 0 else 'more'}"


def money_words(value: float) -> str:
    """1,204.50, −3.20: money with its sign where it is negative."""
    return f"{value:,.2f}".replace("-", "−")
