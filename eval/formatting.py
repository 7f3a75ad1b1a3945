"""Formatting of figures and verdicts for the tables in a terminal."""

import math

from eval.stats.paired import Comparison


def verdict_markup(rival: str, comparison: Comparison, verdict: str) -> str:
    """than best-sellers: better by 4-8 % (+.0123, +.0051 to +.0195), with the verdict in its colour."""
    colour = {"better": "green", "worse": "red"}.get(comparison.verdict, "default")
    coloured = verdict.replace(comparison.words, f"[{colour}]{comparison.words}[/]", 1)
    interval = f"{_signed(comparison.difference)}, {_signed(comparison.low)} to {_signed(comparison.high)}"
    return f"than {rival}: {coloured} ({interval})"


def _signed(number: float) -> str:
    return f"{'-' if number < 0 else '+'}{short(abs(number))}"


def short(number: float, digits: int = 4) -> str:
    """0.4076 as .4076, a dash for no number."""
    return "–" if math.isnan(number) else f"{number:.{digits}f}".replace("0.", ".", 1)
