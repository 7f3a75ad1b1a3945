"""The page on the format of a bundle: `python -m tests.docs.bundle_format > docs/bundle-format.md`."""

import sys
from collections.abc import Iterator

from recsys.bundle.array_spec import LARGEST, NO_LIMIT, ArraySpec, Specs, texts
from recsys.customers.kpis.counted.stored import PARTS as FIGURE_PARTS
from recsys.customers.people import COLUMNS, SCORE_COLUMNS
from recsys.data.catalogue.attributes import ATTRIBUTES
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.ratings import Ratings
from recsys.engine.engine import INDEXES, Engine
from recsys.engine.parts import parts_of
from recsys.index.exact import ExactIndex
from recsys.models.ratings.ensemble import PARTS, RatingEnsembleModel
from recsys.models.registry import MODELS

HEAD = """# Format of a bundle

A release is a folder of `.npy` files, `manifest.json` and, where an index is approximate, FAISS files. This page lists
every array; it is made from the specifications that the service checks when it opens a release
(`recsys/bundle/array_spec.py`), and a test keeps it true. An array that breaks its line is refused with its name and
the reason, also where its digest is right.

Letters: **I** items, **U** users, **N** events, as `sizes` of the manifest says; other letters are sizes that the
arrays of one folder share. A shape of `-` is a single number. "Each once", "rising" and "falling" hold inside each row
where rows are named. Numbers are finite, and below 1e12 where nothing else is said.

The same data, settings and seed make the same arrays, byte by byte, on any number of threads. What differs between two
such trainings (version, times, seconds of each step) stands in the manifest alone. Two things may come between: a
training tries optional models only while `[train] spare_seconds` last, and the day on which an item was first seen
(`newness/since`) is that of the clock.

"""
PEOPLE = """## `people.parquet`

A row per customer, in the order of `users/`, for polars, pandas and other programs. Guests, and customers who refused
personalisation, are not in it. What cannot be known is null.

"""
FIGURES = """## `key_figures/`

What the reports of key figures need of the log, as Parquet files, so that they need not read it again. Customers who
refused personalisation, guests, and items that are never shown are not in it; `about.json` says how far the log went.

"""
BY_SOURCE = {"chances": ["discover/scores", "buy_again/scores"], "prepared": ["als/items", "buys-again/items"]}


def groups() -> Iterator[tuple[str, Specs]]:
    """Every folder of a release with the specifications of its arrays."""
    yield "users", texts("", "U", order="rising strictly")
    yield "histories", Histories.specs()
    yield "catalogue", Catalogue.specs([ATTRIBUTES])
    yield from ((f"index/{name}", ExactIndex.specs()) for name in INDEXES)
    yield from ((f"models/{name}", MODELS[name].specs()) for name in sorted(MODELS))
    yield from ((part.folder, part.specs(BY_SOURCE.get(part.folder, []))) for _, part in parts_of(Engine))
    yield "ratings/own", Ratings.specs()
    yield "ratings/model", RatingEnsembleModel.specs([f"weights/{name}" for name in PARTS])


def content(spec: ArraySpec) -> str:
    """What the values must be, in words."""
    if spec.end:
        return f"offsets from 0 to {spec.end}"
    if spec.text:
        return "UTF-8, cut at the offsets" + ("; texts rising strictly" if spec.order else "")
    high = spec.high if isinstance(spec.high, str) else f"{spec.high:g}"
    has_range = (spec.low, spec.high) not in ((-LARGEST, LARGEST), (-NO_LIMIT, NO_LIMIT))
    low_only = has_range and spec.high == LARGEST
    parts = [
        f"from {spec.low:g} on" if low_only else f"in [{spec.low:g}, {high})" if has_range else "",
        "NaN where unknown" if spec.nan else "",
        "may be infinite" if spec.inf else "",
        spec.order + (f" in the rows of `{spec.rows}`" if spec.rows else "") if spec.order else "",
        "checked together with its neighbours" if spec.rule is not None else "",
        "may be missing or empty" if spec.is_optional or spec.may_be_empty else "",
    ]
    return "; ".join(filter(None, parts))


def page() -> str:
    """The whole page."""
    lines = [HEAD]
    for folder, specs in groups():
        lines.append(f"## `{folder}/`\n\n| array | type | shape | values |\n|---|---|---|---|\n")
        for name, spec in specs.items():
            shape = ", ".join(spec.shape.split()) or "-"
            lines.append(f"| `{name}` | {spec.dtype} | {shape} | {content(spec)} |\n")
        lines.append("\n")
    lines.append(f"{PEOPLE}| column | meaning |\n|---|---|\n")
    lines += [f"| `{name}` | {meaning} |\n" for name, meaning in (COLUMNS | SCORE_COLUMNS).items()]
    lines.append(f"\n{FIGURES}| file | rows |\n|---|---|\n")
    lines += [f"| `{name}.parquet` | {meaning} |\n" for name, meaning in FIGURE_PARTS.items()]
    return "".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
