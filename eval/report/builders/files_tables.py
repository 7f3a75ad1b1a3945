"""The full tables of an evaluation on two given files."""

from eval.files.run import FileEvaluation
from eval.files.scoring import Entry
from eval.report.story import StoryTable

SHOWN = {
    "ndcg": "nDCG",
    "precision": "precision",
    "recall": "recall",
    "map": "MAP",
    "mrr": "MRR",
    "hit": "hit",
}


def tables_of(found: FileEvaluation) -> list[StoryTable]:
    """To read: the figures at each length, the shelf, the paired comparisons, the seconds."""
    return [*(_metrics(found, k) for k in found.terms.ks), _shelf(found), _paired(found), _seconds(found)]


def figures_of(found: FileEvaluation) -> StoryTable:
    """For a machine: a row for each list, name and length, with the ends of the interval."""
    rows = [
        (entry.name, name, value.mean, value.low, value.high, entry.known[name])
        for entry in found.entries
        for name, value in entry.metrics.items()
    ]
    shelf = [(entry.name, name, value, "", "", "") for entry in found.entries for name, value in entry.shelf.items()]
    return StoryTable("Figures", ("list", "name", "mean", "low", "high", "known"), [*rows, *shelf])


def _metrics(found: FileEvaluation, k: int) -> StoryTable:
    rows = [(entry.name, *(_cell(entry, f"{name}@{k}") for name in SHOWN)) for entry in found.entries]
    note = "± is half of the 95 % interval."
    return StoryTable(f"Lists of {k}", ("list", *(f"{title}@{k}" for title in SHOWN.values())), rows, note)


def _cell(entry: Entry, name: str) -> str:
    value = entry.metrics[name]
    return f"{value.mean:.4f}\n±{(value.high - value.low) / 2:.4f}"


def _shelf(found: FileEvaluation) -> StoryTable:
    names = list(found.entries[0].shelf)
    rows = [(entry.name, *(f"{entry.shelf[name]:.4f}" for name in names)) for entry in found.entries]
    return StoryTable("The shelf", ("list", *(name.replace("gini", "Gini") for name in names)), rows)


def _paired(found: FileEvaluation) -> StoryTable:
    name = f"nDCG@{found.terms.k}"
    rows = [
        (entry.name, base, f"{told.difference:+.4f}", f"{told.low:+.4f} to {told.high:+.4f}", told.words)
        for entry in found.entries
        for base, told in entry.against.items()
    ]
    return StoryTable(
        f"Paired differences in {name}", ("list", "against", "difference", "95 % interval", "verdict"), rows
    )


def _seconds(found: FileEvaluation) -> StoryTable:
    rows = [(entry.name, f"{entry.fit_seconds:.1f}", f"{entry.answer_seconds:.1f}") for entry in found.entries]
    return StoryTable("Seconds", ("list", "to learn", "to answer all customers"), rows)
