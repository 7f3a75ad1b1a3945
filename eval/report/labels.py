"""Labels of lists and glossary of metrics, for readers who know neither; a model's own name stands behind its label."""

from collections.abc import Mapping

from eval.protocol import BEST_SELLERS, FADING_FREQUENCY, LATE_SELLERS, OWN_FREQUENCY, RANDOM
from eval.report.ranking_report import Role
from recsys.models.registry import MODEL_TABLE

BASELINES: Mapping[str, str] = {
    BEST_SELLERS: "Best-sellers",
    LATE_SELLERS: "Best-sellers of the last 28 days",
    OWN_FREQUENCY: "What each takes most often",
    FADING_FREQUENCY: "What each took most often lately",
    RANDOM: "Random",
}
GLOSSARY: Mapping[str, str] = {
    "@10": "Behind a name: only the first 10 places of the list count.",
    "95 % interval": "Had other customers of the same kind been asked, the mean would lie in here 95 times of 100. "
    "Made by drawing the customers anew, with replacement, a thousand times or more (bootstrap).",
    "precision": "Share of the list that was bought. 0.35 of a list of 10 is 3.5 products.",
    "recall": "Share of all that was bought that stood in the list. A list of 10 cannot hold what 40 purchases need.",
    "hit": "Share of customers who bought at least one thing from their list.",
    "nDCG": "Purchases in the list, those near the top counting more, over the best that was possible. "
    "1 is a perfect list, 0 an empty one.",
    "MAP": "How pure the list is down to each purchase in it, on average; rewards early purchases.",
    "MRR": "1 over the place of the first purchase: 1 if it stood on top, 0.5 in second place.",
    "revenue_recall": "Share of the money spent that went on products in the list.",
    "margin_recall": "The same for what the shop earned instead of what customers paid.",
    "coverage": "Share of the range that stands in at least one list; coverage_of_sold: of what anybody ever bought.",
    "Gini": "How unequally places are shared among products: 0 is even, near 1 one product takes all.",
    "novelty": "How far from the obvious, in bits: each bit more halves the customers who already had the product.",
    "n_shown": "How many products that is.",
    "popularity_lift": "How much better known the shown is than what customers buy: 0 as well, 1 twice as well.",
    "diversity": "Share of the pairs in a list that are from different categories; vector_diversity: how unlike each "
    "other the pairs are to the models.",
    "miscalibration": "How far a list's categories are from those the customer buys; 0 is the same shares.",
    "stability": "Share of a list that stood there a week earlier too.",
    "latency_ms": "Milliseconds for an answer on average; latency_p95_ms: what 95 of 100 answers stay below.",
    "known": "The same mean without customers the training data had never seen.",
    "paired": "Both lists are compared customer by customer, so that what differs between customers cancels out.",
    "best-sellers": "What most customers bought, the same for everybody.",
    "own frequency": "What this customer bought most often; fading: with what is long ago counting less. "
    "Ties are broken by best-sellers, and best-sellers follow.",
    "random": "Products chosen at random: the result of a list without any knowledge.",
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
