"""Rating prediction: the rating that a customer would give an item, from the ratings in the log and the newest ones."""

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
from recsys.models.ratings.ensemble import RatingEnsembleModel
from recsys.ranking.query import Query, RecommendationList

FOLDER = "ratings"


@dataclass(frozen=True, slots=True)
class RatingPredictor:
    """The rating model, and the ratings of all customers when the bundle was made."""

    users: IdMap
    ratings: Ratings
    model: RatingEnsembleModel

    def predict(self, user_id: str | None, events: Sequence[Event], items: Ints, catalogue: Catalogue) -> Floats:
        """The predicted rating of each item, on the shop's scale.  (K,)  For an unknown customer: of an average one.

        events: those since the bundle, oldest first.
        """
        return self.model.predict(self.rated(user_id, events, catalogue), items)

    def rated(self, user_id: str | None, events: Sequence[Event], catalogue: Catalogue) -> RatedItems:
        """The ratings of the customer, up to now."""
        user = self.users.position(user_id) if user_id is not None else MISSING
        before = self.ratings.by_user(user) if user != MISSING else _NOTHING
        ratings = [(catalogue.position(event.item_id), event.rating) for event in events if event.kind == Kind.RATING]
        ratings = [(item, rating) for item, rating in ratings if item != MISSING and rating is not None]
        if not ratings:
            return before
        items, values = zip(*ratings, strict=True)
        return before.with_later(RatedItems.from_ratings(np.array(items, np.int32), np.array(values, np.float32)))

    def with_ratings(
        self, recommendations: RecommendationList, query: Query, catalogue: Catalogue
    ) -> RecommendationList:
        """The same list with the predicted rating of each item."""
        items = np.array([catalogue.position(item.item_id) for item in recommendations.items], np.int32)
        ratings = self.predict(query.user_id, [*query.recent, *query.session], items, catalogue).tolist()
        rated = zip(recommendations.items, ratings, strict=True)
        return replace(
            recommendations, items=tuple(item._replace(expected_rating=round(rating, 2)) for item, rating in rated)
        )


_NOTHING = RatedItems(np.empty(0, np.int32), np.empty(0, np.float32))


def open_rating_predictor(bundle: Bundle, users: IdMap, n_items: int) -> RatingPredictor | None:
    """The rating predictor of the bundle, with nothing copied; None where the shop had no ratings."""
    if f"{FOLDER}/own/offsets.npy" not in bundle.manifest.files:
        return None
    names = bundle.names_below(f"{FOLDER}/model")
    own = bundle.checked(f"{FOLDER}/own", Ratings.specs())
    model = bundle.checked(f"{FOLDER}/model", RatingEnsembleModel.specs(names))
    ratings = Ratings(cast(Longs, own["offsets"]), cast(Ints, own["item"]), cast(Floats, own["value"]), n_items)
    return RatingPredictor(users, ratings, RatingEnsembleModel.from_arrays(model))
