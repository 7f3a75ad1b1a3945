"""Figures as a person would say them."""

import math
from collections.abc import Sequence

PER_CENT = "\u00a0%"  # a sign on the next line is read as part of another word
BASES = (100, 1_000, 10_000)
WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def base_of(k: int, found: float) -> int:
    """Of how many things to speak, so that about one or more of them was found: the list itself, or 100, 1,000, ...

    found: of a list of k.
    """
    share = found / k
    return next((base for base in (k, *BASES) if base >= k and share * base >= 1), max(k, BASES[-1]))


def plain(number: float, digits: int = 1) -> str:
    """3.5, 12, 1,204; a dash where nothing is known.  From 100 on without decimals, and never -0.0."""
    if math.isnan(number):
        return "–"
    shown = f"{number:,.{0 if abs(number) >= 100 else digits}f}"
    return shown.lstrip("-") if not any(sign in shown for sign in "123456789") else shown.replace("-", "−")


def apart(numbers: Sequence[float], most: int = 3) -> int:
    """How many decimals keep different figures different on paper, from 1 to `most`."""
    return next((n for n in range(1, most) if len({plain(x, n) for x in numbers}) == len(set(numbers))), most)


def signed(number: float, digits: int = 1) -> str:
    """+2.1, −0.3, 0.0."""
    shown = plain(number, digits)
    return f"+{shown}" if number > 0 and any(sign in shown for sign in "123456789") else shown


def percent(share: float) -> str:
    """12 %, 1.2 %, 0.03 %: two digits that count; below 0.01 % "under 0.01 %"."""
    if math.isnan(share):
        return "–"
    value = 100 * share
    if 0 < value < 0.01:
        return f"under 0.01{PER_CENT}"
    shown = f"{value:.0f}" if value == 0 or value >= 9.95 else f"{value:.1f}" if value >= 0.95 else f"{value:.2g}"
    return shown + PER_CENT


def roughly(n: float) -> int:
    """The nearest number with two digits that count: 4,512 is about 4,500."""
    return int(float(f"{n:.1e}"))


def counted(n: int, thing: str, things: str = "") -> str:
    """1 customer, 2,000 customers."""
    return f"{n:,} {thing if n == 1 else things or thing + 's'}"


def span_of_days(days: float) -> str:
    """In the next four weeks, in the next 30 days."""
    n = round(days)
    if n % 7 == 0 and 7 <= n <= 84:
        weeks = n // 7
        return "in the next week" if weeks == 1 else f"in the next {WORDS[weeks]} weeks"
    return "on the next day" if n == 1 else f"in the next {n:,} days"
