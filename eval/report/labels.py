"""What each list is called before a person who has never met a model; the model's own name stands behind it."""

from collections.abc import Mapping

from eval.files.baselines import BEST_SELLERS, FADING_FREQUENCY, LATE_SELLERS, OWN_FREQUENCY, RANDOM

MODELS: Mapping[str, str] = {
    "als": "Tastes",
    "content": "Like what they chose",
    "ease": "Chosen together",
    "graph_walk": "A walk from choice to choice",
    "item_neighbours": "Alike products",
    "popularity": "What sells",
    "sequence": "What follows what",
    "tifu_knn": "Habits, and those of others",
    "user_neighbours": "Alike customers",
}
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
    words = MODELS.get(label.partition(":")[0])
    return label if words is None else f"{words} ({label})"
