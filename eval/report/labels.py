"""Labels of lists for readers who do not know the models; the model's own name stands behind the label."""

from collections.abc import Mapping

from eval.protocol import BEST_SELLERS, FADING_FREQUENCY, LATE_SELLERS, OWN_FREQUENCY, RANDOM
from eval.report.ranking_report import Role
from recsys.models.registry import MODEL_TABLE

BASELINES: Mapping[str, str] = {
    BEST_SELLERS: "Best-sellers",
    LATE_SELLERS: "Best-sellers of the last 28 days",
    OWN_FREQUENCY: "What each takes most often",
    FADING_FREQUENCY: "What each took most often lately",
    RANDOM: "Drawn by lot",
}


def role_of(name: str, kind: str, ours: str) -> Role:
    """The role of a list or prediction of that kind, where `ours` is the name of ours."""
    return "ours" if name == ours else "baseline" if kind == "baseline" else "model"


def title_of(label: str) -> str:
    """The title of the list that was evaluated under a label such as als:factors=64; an unknown label is its own."""
    if label in BASELINES:
        return BASELINES[label]
    entry = MODEL_TABLE.get(label.partition(":")[0])
    return label if entry is None or not entry.title else f"{entry.title} ({label})"
