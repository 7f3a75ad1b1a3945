"""Model registry: the one table of algorithms, which of them are trained for what, and a learner from settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

from recsys.config import spelling_hint
from recsys.errors import UnknownModel
from recsys.models.als import Als, AlsModel
from recsys.models.base import Learner, Model
from recsys.models.bought_together import BoughtTogether, BoughtTogetherModel
from recsys.models.buy_again import BuyAgain, BuyAgainModel
from recsys.models.content import Content, ContentModel
from recsys.models.ease import Ease, EaseModel
from recsys.models.graph_filter import GraphFilter, GraphFilterModel
from recsys.models.graph_walk import GraphWalk, GraphWalkModel
from recsys.models.hyperparameters import with_settings
from recsys.models.item_neighbours import ItemNeighbours, ItemNeighboursModel
from recsys.models.popularity import Popularity, PopularityModel
from recsys.models.seasonal import Seasonal, SeasonalModel
from recsys.models.self_attention.learner import SelfAttention
from recsys.models.self_attention.model import SelfAttentionModel
from recsys.models.sequence import Sequence, SequenceModel
from recsys.models.tifu_knn import TifuKnn, TifuKnnModel
from recsys.models.user_neighbours import UserNeighbours, UserNeighboursModel


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """An algorithm.  title: what a report calls its lists for readers who know no models; empty for its plain name.

    library: what a fit needs, and no answer; extra: that of this package which installs it.
    """

    learner: type[Learner]
    model: type[Model]
    title: str = ""
    library: str = ""
    extra: str = ""


# A new model is a file of its own and one line here; it is optional until one of the constants below names it.
MODEL_TABLE: Final[Mapping[str, ModelEntry]] = {
    entry.model.name: entry
    for entry in (
        ModelEntry(Als, AlsModel, "Tastes"),
        ModelEntry(BoughtTogether, BoughtTogetherModel),
        ModelEntry(BuyAgain, BuyAgainModel),
        ModelEntry(Content, ContentModel, "Like what they chose"),
        ModelEntry(Ease, EaseModel, "Chosen together"),
        ModelEntry(GraphFilter, GraphFilterModel, "What their tastes have in common"),
        ModelEntry(GraphWalk, GraphWalkModel, "A walk from choice to choice"),
        ModelEntry(ItemNeighbours, ItemNeighboursModel, "Alike products"),
        ModelEntry(Popularity, PopularityModel, "What sells"),
        ModelEntry(Seasonal, SeasonalModel, "What sells at this time of the year"),
        ModelEntry(SelfAttention, SelfAttentionModel, "What follows the last choices", library="jax", extra="neural"),
        ModelEntry(Sequence, SequenceModel, "What follows what"),
        ModelEntry(TifuKnn, TifuKnnModel, "Habits, and those of others"),
        ModelEntry(UserNeighbours, UserNeighboursModel, "Alike customers"),
    )
}
LEARNERS: Final[Mapping[str, type[Learner]]] = {name: entry.learner for name, entry in MODEL_TABLE.items()}
MODELS: Final[Mapping[str, type[Model]]] = {name: entry.model for name, entry in MODEL_TABLE.items()}

BUY_AGAIN: Final = "buy_again"  # the model of items that a user buys again
DISCOVER_MODELS: Final = ("item_neighbours", "user_neighbours", "als", "popularity")  # a list of new items blends them
CONTEXT_ONLY: Final = frozenset({"bought_together"})  # fills product pages and baskets, and no personal list
# Learnt in seconds and anew by each refresh: what is in fashion, and every model that numbers the customers.
REFRESHED_MODELS: Final = frozenset({"popularity", BUY_AGAIN, "seasonal", "tifu_knn", "user_neighbours"})
REQUIRED_MODELS: Final = frozenset({"popularity"})
# Trained on request (`off = false`), or where validation shows that lists of new items improve.
OPTIONAL_MODELS: Final = frozenset(LEARNERS) - {*DISCOVER_MODELS, BUY_AGAIN, *CONTEXT_ONLY}


def can_fit(name: str) -> bool:
    """Whether the library that fits that model is installed; its releases open without it."""
    library = MODEL_TABLE[name].library
    return not library or find_spec(library) is not None


def learner(name: str, params: Mapping[str, Any]) -> Learner:
    """The learner of that name with those hyper-parameters, the others at their defaults.

    Raises UnknownModel or BadSettings, each names the nearest right word.
    """
    if name not in LEARNERS:
        raise UnknownModel(f"{name!r} is no model; {spelling_hint(name, LEARNERS)}")
    return with_settings(LEARNERS[name], name, params)
