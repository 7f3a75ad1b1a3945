"""The one table of algorithms: name to learner, name to model, and a learner from settings."""

from collections.abc import Mapping
from typing import Any, Final

from recsys.config import nearest
from recsys.errors import UnknownModel
from recsys.models.als import Als, AlsModel
from recsys.models.base import Learner, Model
from recsys.models.bought_together import BoughtTogether, BoughtTogetherModel
from recsys.models.buy_again import BuyAgain, BuyAgainModel
from recsys.models.content import Content, ContentModel
from recsys.models.ease import Ease, EaseModel
from recsys.models.graph_walk import GraphWalk, GraphWalkModel
from recsys.models.hyperparameters import with_settings
from recsys.models.item_neighbours import ItemNeighbours, ItemNeighboursModel
from recsys.models.popularity import Popularity, PopularityModel
from recsys.models.sequence import Sequence, SequenceModel
from recsys.models.tifu_knn import TifuKnn, TifuKnnModel
from recsys.models.user_neighbours import UserNeighbours, UserNeighboursModel

LEARNERS: Final[Mapping[str, type[Learner]]] = {
    "als": Als,
    "bought_together": BoughtTogether,
    "buy_again": BuyAgain,
    "content": Content,
    "ease": Ease,
    "graph_walk": GraphWalk,
    "item_neighbours": ItemNeighbours,
    "popularity": Popularity,
    "sequence": Sequence,
    "tifu_knn": TifuKnn,
    "user_neighbours": UserNeighbours,
}

MODELS: Final[Mapping[str, type[Model]]] = {
    "als": AlsModel,
    "bought_together": BoughtTogetherModel,
    "buy_again": BuyAgainModel,
    "content": ContentModel,
    "ease": EaseModel,
    "graph_walk": GraphWalkModel,
    "item_neighbours": ItemNeighboursModel,
    "popularity": PopularityModel,
    "sequence": SequenceModel,
    "tifu_knn": TifuKnnModel,
    "user_neighbours": UserNeighboursModel,
}


def learner(name: str, params: Mapping[str, Any]) -> Learner:
    """The learner of that name with those hyper-parameters, the others at their defaults.

    Raises UnknownModel or BadSettings, each naming the nearest right word.
    """
    if name not in LEARNERS:
        raise UnknownModel(f"{name!r} is no model; {nearest(name, LEARNERS)}")
    return with_settings(LEARNERS[name], name, params)
