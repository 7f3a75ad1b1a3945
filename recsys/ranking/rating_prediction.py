"""What a customer would rate an item: learnt from the ratings in the log, asked with the newest ones folded in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from recsys.arrays import Floats, Ints, Longs
from recsys.bundle import Bundle
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.dataset.ratings import RatedItems, Ratings
from recsys.data.events import Event, Kind
from recsys.data.ids import MISSING, IdMap
from recsys.models.ratings.ensemble import BlendRatingsModel
from recsys.ranking.query import Query, RecommendationList

FOLDER = "ratings"


@dataclass(frozen=True, slots=True)
class RatingPredictor:
    """The model, and what every customer of the bundle had rated when it was made."""

    users: IdMap
    ratings: Ratings
    model: BlendRatingsModel

    def predict(self, user_id: str | None, events: Sequence[Event], items: Ints, catalogue: Catalogue) -> Floats:
        """What the customer would rate each item, on the shop's scale: (K,).  Nobody known: what everybody says.

        events: those since the bundle, oldest first.
        """
        return self.model.predict(self.rated(user_id, events, catalogue), items)

    def rated(self, user_id: str | None, events: Sequence[Event], catalogue: Catalogue) -> RatedItems:
        """What the customer rated, up to now."""
        user = self.users.position(user_id) if user_id is not None else MISSING
        before = self.ratings.by_user(user) if user != MISSING else _NOTHING
        given = [(catalogue.position(event.item_id), event.rating) for event in events if event.kind == Kind.RATING]
        later = [(item, value) for item, value in given if item != MISSING and value is not None]
        if not later:
            return before
        item, value = zip(*later, strict=True)
        return before.with_later(RatedItems.from_ratings(np.array(item, np.int32), np.array(value, np.float32)))

    def told(self, answer: RecommendationList, ask: Query, catalogue: Catalogue) -> RecommendationList:
        """The answer with the rating each item may expect."""
        items = np.array([catalogue.position(item.item_id) for item in answer.items], np.int32)
        found = self.predict(ask.user_id, [*ask.recent, *ask.session], items, catalogue)
        told = (
            item._replace(expected_rating=round(float(value), 2))
            for item, value in zip(answer.items, found, strict=True)
        )
        return replace(answer, items=tuple(told))


_NOTHING = RatedItems(np.empty(0, np.int32), np.empty(0, np.float32))


def open_rating_predictor(bundle: Bundle, users: IdMap, n_items: int) -> RatingPredictor | None:
    """What the bundle foretells ratings with, nothing is copied; None where the shop had no ratings."""
    if f"{FOLDER}/own/offsets.npy" not in bundle.manifest.files:
        return None
    own, model = bundle.group(f"{FOLDER}/own"), bundle.group(f"{FOLDER}/model")
    ratings = Ratings(cast(Longs, own["offsets"]), cast(Ints, own["item"]), cast(Floats, own["value"]), n_items)
    return RatingPredictor(users, ratings, BlendRatingsModel.from_arrays(model))
