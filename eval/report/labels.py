"""What each list is called before a person who has never met a model; the model's own name stands behind it."""

from collections.abc import Mapping

from eval.files.baselines import BEST_SELLERS, FADING_FREQUENCY, LATE_SELLERS, OWN_FREQUENCY, RANDOM
from recsys.models.registry import MODEL_TABLE

BASELINES: Mapping[str, str] = {
    BEST_SELLERS: "Best-sellers",
    LATE_SELLERS: "Best-sellers of the last 28 days",
    OWN_FREQUENCY: "What each takes most often",
    FADING_FREQUENCY: "What each took most often lately",
    RANDOM: "Drawn by lot",
}


def title_of(label: str) -> str:
    """Of a list by the label it was judged under, such as als:factors=64; a label nobody knows is its own title."""
    if label in BASELINES:
        return BASELINES[label]
    entry = MODEL_TABLE.get(label.partition(":")[0])
    return label if entry is None or not entry.title else f"{entry.title} ({label})"
