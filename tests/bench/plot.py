"""A picture of cost against size: both axes logarithmic, beside what the cost would be if it grew as the size does."""

from collections.abc import Mapping
from math import ceil, floor, log10
from pathlib import Path

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 400, 70, 45, 54, 60


def drawn(cost_by_size: Mapping[int, float], *, title: str, across: str, up: str) -> str:
    """The picture as SVG.  cost_by_size: at least two sizes, rising, costs above 0."""
    sizes, costs = list(cost_by_size), list(cost_by_size.values())
    linear = [costs[0] * size / sizes[0] for size in sizes]
    x_from, x_to = floor(log10(sizes[0])), ceil(log10(sizes[-1]))
    y_from, y_to = floor(log10(min(costs))), ceil(log10(max(*costs, linear[1])))

    def place(size: float, cost: float) -> tuple[float, float]:
        x = LEFT + (log10(size) - x_from) / (x_to - x_from) * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - (log10(cost) - y_from) / (y_to - y_from) * (HEIGHT - TOP - BOTTOM)
        return round(x, 1), round(y, 1)

    found = [place(*both) for both in zip(sizes, costs, strict=True)]
    ceiling = 10**y_to
    last = min(sizes[-1], sizes[0] * ceiling / costs[0])
    as_size = [place(sizes[0], costs[0]), place(last, costs[0] * last / sizes[0])]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="13" role="img"><rect width="100%" height="100%" fill="white"/>',
        f"<title>{title}</title>",
        _text(LEFT, 22, title, size=15, anchor="start"),
        *(_rule(place(10**power, 10**y_from), place(10**power, ceiling)) for power in range(x_from, x_to + 1)),
        *(_rule(place(10**x_from, 10**power), place(10**x_to, 10**power)) for power in range(y_from, y_to + 1)),
        *(_text(*_below(place(10**power, 10**y_from)), f"{10**power:,}") for power in range(x_from, x_to + 1)),
        *(
            _text(*_beside(place(10**x_from, 10**power)), f"{10.0**power:g}", anchor="end")
            for power in range(y_from, y_to + 1)
        ),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, across),
        _text(LEFT, TOP - 8, up, anchor="start"),
        _line(as_size, "#999", dashes=True),
        _text(min(as_size[1][0] + 8, WIDTH - 80), as_size[1][1] + 26, "as the size", anchor="start", colour="#666"),
        _line(found, "#1f5fa8"),
        *(f'<circle cx="{x}" cy="{y}" r="4" fill="#1f5fa8"/>' for x, y in found),
        *(_text(x, y - 12, f"{cost:.3g}", colour="#1f5fa8") for (x, y), cost in zip(found, costs, strict=True)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def write(path: Path, picture: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(picture)


def _text(x: float, y: float, words: str, *, size: int = 13, anchor: str = "middle", colour: str = "#222") -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


def _rule(start: tuple[float, float], end: tuple[float, float]) -> str:
    return f'<path d="M{start[0]} {start[1]}L{end[0]} {end[1]}" stroke="#ddd"/>'


def _line(points: list[tuple[float, float]], colour: str, *, dashes: bool = False) -> str:
    path = "L".join(f"{x} {y}" for x, y in points)
    more = ' stroke-dasharray="5 4"' if dashes else ""
    return f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"{more}/>'


def _below(point: tuple[float, float]) -> tuple[float, float]:
    return point[0], point[1] + 20


def _beside(point: tuple[float, float]) -> tuple[float, float]:
    return point[0] - 8, point[1] + 4
