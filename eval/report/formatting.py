"""Number formatting for readers of a report."""

import math
from collections.abc import Sequence

PER_CENT = "\u00a0%"  # with a space that does not break: a sign on the next line reads as part of another word
BASES = (100, 1_000, 10_000)
WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def base_of(k: int, hits: float) -> int:
    """The number of shown items to speak of, so that about one or more was a hit: the list itself, or 100, 1,000, ...

    hits: of a list of k.
    """
    share = hits / k
    return next((base for base in (k, *BASES) if base >= k and share * base >= 1), max(k, BASES[-1]))


def plain(number: float, digits: int = 1) -> str:
    """3.5, 12, 1,204; a dash for NaN.  Without decimals from 100 on, and never -0.0."""
    if math.isnan(number):
        return "–"
    shown = f"{number:,.{0 if abs(number) >= 100 else digits}f}"
    return shown.replace("-", "−") if _is_shown_as_nonzero(shown) else shown.lstrip("-")


def distinct_digits(numbers: Sequence[float], most: int = 3) -> int:
    """The number of decimals, from 1 to `most`, with which different numbers look different."""
    return next((n for n in range(1, most) if len({plain(x, n) for x in numbers}) == len(set(numbers))), most)


def signed(number: float, digits: int = 1) -> str:
    """+2.1, −0.3, 0.0."""
    shown = plain(number, digits)
    return f"+{shown}" if number > 0 and _is_shown_as_nonzero(shown) else shown


def percent(share: float) -> str:
    """12 %, 1.2 %, 0.03 %: two significant digits; below 0.01 % "under 0.01 %"."""
    if math.isnan(share):
        return "–"
    value = 100 * share
    if 0 < value < 0.01:
        return f"under 0.01{PER_CENT}"
    shown = f"{value:.0f}" if value == 0 or value >= 9.95 else f"{value:.1f}" if value >= 0.95 else f"{value:.2g}"
    return shown + PER_CENT


def roughly(n: float) -> int:
    """The nearest number with two significant digits: 4,512 becomes 4,500."""
    return int(float(f"{n:.1e}"))


def counted(n: int, noun: str) -> str:
    """1 customer, 2,000 customers."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def span_of_days(days: float) -> str:
    """In the next four weeks, in the next 30 days."""
    n = round(days)
    if n % 7 == 0 and 7 <= n <= 84:
        weeks = n // 7
        return "in the next week" if weeks == 1 else f"in the next {WORDS[weeks]} weeks"
    return "on the next day" if n == 1 else f"in the next {n:,} days"


def _is_shown_as_nonzero(shown: str) -> bool:
    return any(digit in shown for digit in "123456789")
