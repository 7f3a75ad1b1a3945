"""Recommender: answers queries from a bundle, a catalogue, placements and rules; all callers go through it."""

import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from recsys.arrays import Doubles, Ints
from recsys.bundle import Bundle, live_version, open_release
from recsys.bundle.signature import read_trusted_keys
from recsys.config import CatalogueSettings
from recsys.data.catalogue.catalogue import Catalogue, build_never_show
from recsys.data.entities import Item
from recsys.data.events import Event
from recsys.data.ids import MISSING
from recsys.data.store.base import Store
from recsys.data.store.consent import ConsentCheck
from recsys.engine.candidate_cache import CAPACITY
from recsys.engine.engine import Engine, open_engine
from recsys.errors import NoBundle, NotEnoughData, UnknownItem
from recsys.fast_dataclass import fast_tuple
from recsys.ranking.candidates.pipeline import ScoredItem, candidates_for, fallback_of
from recsys.ranking.candidates.pool import CandidatePool
from recsys.ranking.candidates.sources import SOURCES
from recsys.ranking.context.context import QueryContext, resolve, with_recent_events
from recsys.ranking.explain.attributes import attributes_effect
from recsys.ranking.explain.reasons import build_reasons
from recsys.ranking.explain.trace import build_explanations
from recsys.ranking.filters.eligibility import eligible_items
from recsys.ranking.filters.expression import Where
from recsys.ranking.filters.spec import NO_FILTERS, Filters
from recsys.ranking.placements import Placements, find_placement, load_placements
from recsys.ranking.query import Explanation, Query, Recommendation, RecommendationList
from recsys.ranking.rating_prediction import RatingPredictor, open_rating_predictor
from recsys.ranking.rerank.assembly import constrained, draw_chances
from recsys.ranking.rerank.constraints import Constraints, build_constraints
from recsys.ranking.rules.apply import AppliedRules
from recsys.ranking.rules.model import NO_RULES, Rule, Rules, active_rules
from recsys.ranking.rules.repository import open_rule_repository
from recsys.ranking.segments.members import members_now
from recsys.ranking.segments.repository import open_segment_repository
from recsys.ranking.targeting.audience import ANYBODY, AudienceMember, AudienceScope, find_audience
from recsys.ranking.targeting.lookalikes import Lookalike, find_lookalikes
from recsys.ranking.targeting.rank_items import Ranking, model_as_placement, rank_items
from recsys.time_units import DAY_MS

_recommendation = fast_tuple(Recommendation)


@dataclass(frozen=True, slots=True)
class Recommender:
    """Immutable; a newer catalogue makes another one.  digest: identifies placements and catalogue settings.

    rating_predictor: None where the shop has no ratings.
    """

    bundle: Bundle
    engine: Engine
    catalogue: Catalogue
    placements: Placements
    digest: str
    applied_rules: AppliedRules
    rating_predictor: RatingPredictor | None = None

    def recommend(self, query: Query) -> RecommendationList:
        """min(k, eligible) items.  Raises UnknownPlacement; an unknown customer gets what the shop sells best."""
        context, scored = self._rank(query)
        recommendations = self._recommendations(context, scored)
        if self.rating_predictor is None:
            return recommendations
        return self.rating_predictor.with_ratings(recommendations, query, self.catalogue)

    def expected_rating(self, user_id: str | None, item_id: str, recent: Sequence[Event] = ()) -> float:
        """The predicted rating of the item by the customer.  recent: their events since the bundle, oldest first.

        An unknown customer gets the rating of an average one.  Raises UnknownItem; NotEnoughData without ratings.
        """
        item = self._position(item_id)
        if self.rating_predictor is None:
            raise NotEnoughData("the live release knows no ratings; import events of kind rating, then `recsys train`")
        return float(self.rating_predictor.predict(user_id, recent, np.array([item], np.int32), self.catalogue)[0])

    def scored_items(self, query: Query) -> list[ScoredItem]:
        """The same list by positions, without names and reasons, for a caller with thousands of queries."""
        return self._rank(query)[1]

    def similar(self, item_id: str, *, k: int, now_ms: int, filters: Filters = NO_FILTERS) -> RecommendationList:
        """Items that go with that item.  Raises UnknownItem for an id that neither events nor catalogue know."""
        return self.recommend(self.similar_query(item_id, k=k, now_ms=now_ms, filters=filters))

    def similar_query(self, item_id: str, *, k: int, now_ms: int, filters: Filters = NO_FILTERS) -> Query:
        """The query for items that go with that item.  Raises UnknownItem."""
        self._position(item_id)
        return Query(now_ms, "product", k, context_item_ids=(item_id,), filters=filters)

    def rank(self, query: Query, item_ids: Sequence[str], *, model: str | None = None, sinks: bool = True) -> Ranking:
        """These items in the order in which the customer wants them, each known one once; `query.k` is not read.

        model: orders them instead of the placement.  sinks: items that the customer dismissed or that are not for sale
        now come last.  Raises UnknownPlacement, UnknownModel.
        """
        engine = self.engine
        placement = (
            find_placement(self.placements, query.placement) if model is None else model_as_placement(model, engine)
        )
        return rank_items(query, item_ids, placement, engine, self.catalogue, sinks=sinks)

    def audience(
        self,
        item_id: str | None,
        *,
        where: Where | None = None,
        now_ms: int,
        limit: int,
        has_consent: ConsentCheck,
        scope: AudienceScope = ANYBODY,
    ) -> list[AudienceMember]:
        """The customers most likely to buy that item, or one of those on sale that pass the filter, best first.

        As the release knows them.  has_consent: False keeps a customer out.
        scope: who may be in it, and the horizon.  Raises UnknownItem, UnknownAttribute.
        """
        if item_id is not None:
            items = np.array([self._position(item_id)], np.int32)
        else:
            filters = Filters(where=where)
            items = np.flatnonzero(eligible_items(filters, self.catalogue, now_ms / DAY_MS).mask).astype(np.int32)
        return find_audience(self.engine, self.catalogue, items, limit=limit, has_consent=has_consent, scope=scope)

    def lookalikes(
        self, user_id: str | None, recent: Sequence[Event], *, k: int, has_consent: ConsentCheck
    ) -> list[Lookalike]:
        """The customers most like this one, best first; recent: events since the bundle, oldest first."""
        history = with_recent_events(self.engine.history_of(user_id), recent, self.engine, self.catalogue)
        return find_lookalikes(self.engine, self.catalogue, history, user_id, k=k, has_consent=has_consent)

    def count_eligible(self, query: Query) -> int:
        """The number of items that the list is drawn from."""
        context, scored = self._rank(replace(query, k=self.catalogue.n_items))
        return int(np.count_nonzero(context.eligible.mask)) if context.placement.fills else len(scored)

    def _position(self, item_id: str) -> int:
        item = self.catalogue.position(item_id)
        if item == MISSING:
            raise UnknownItem(f"no item {item_id!r} in the catalogue or the events")
        return item

    def with_catalogue(self, catalogue: Catalogue) -> "Recommender":
        return replace(self, catalogue=catalogue, applied_rules=AppliedRules(self.rules, catalogue))

    def with_rules(self, rules: Rules) -> "Recommender":
        return replace(self, applied_rules=AppliedRules(rules, self.catalogue))

    @property
    def rules(self) -> Rules:
        return self.applied_rules.rules

    def rules_for(self, query: Query) -> Sequence[Rule]:
        """The active rules for that query, in the order of the file."""
        placement = find_placement(self.placements, query.placement)
        return active_rules(self.rules, resolve(query, placement, self.engine, self.catalogue))

    def _rank(self, query: Query) -> tuple[QueryContext, list[ScoredItem]]:
        placement = find_placement(self.placements, query.placement)
        if not query.fills:
            placement = placement.model_copy(update={"fills": False})
        context = resolve(query, placement, self.engine, self.catalogue)
        rules = active_rules(self.rules, context) if self.rules.rules else ()
        if query.options is None and not rules:
            return context, candidates_for(context, query.k)
        context, constraints = self._constrained(context, rules)
        pool = CandidatePool(context, constraints.min_score)
        return context, constrained(pool, constraints)

    def _constrained(self, context: QueryContext, rules: Sequence[Rule]) -> tuple[QueryContext, Constraints]:
        """The context without blocked items, and the constraints of its query and of these rules."""
        constraints = build_constraints(context.query, self.catalogue)
        if not rules:
            return context, constraints
        return (
            self.applied_rules.without_blocked(context, rules),
            self.applied_rules.constraints(rules, constraints),
        )

    def draw_chances(self, query: Query, shown: Sequence[int]) -> list[tuple[Ints, Doubles]]:
        """By place of an explored list, the items that may stand there and their probabilities; see `draw_chances`.

        query: with a seed and without diversity.  Raises UnknownPlacement.
        """
        placement = find_placement(self.placements, query.placement)
        context = resolve(query, placement, self.engine, self.catalogue)
        context, constraints = self._constrained(context, active_rules(self.rules, context))
        return draw_chances(CandidatePool(context, constraints.min_score), constraints, shown)

    def _recommendations(self, context: QueryContext, scored: list[ScoredItem]) -> RecommendationList:
        reasons = build_reasons(scored, context)
        labels = self.catalogue.labels([candidate.item for candidate in scored])
        explanations: Sequence[Explanation | None] = [None] * len(scored)
        if context.query.explain:
            explanations = build_explanations(scored, context, self.applied_rules, active_rules(self.rules, context))
        rows = zip(scored, labels, reasons, explanations, strict=True)
        items = [
            _recommendation((*label, score, rank, reason, source, None, probability, explanation, None))
            for rank, ((_, score, source, _, probability), label, reason, explanation) in enumerate(rows, 1)
        ]
        effect = attributes_effect(context, scored) if context.query.attributes else None
        return RecommendationList(
            tuple(items), context.query.placement, self.engine.version, fallback_of(scored), effect
        )


def build_recommender(
    bundle: Bundle, items_changed: Iterable[Item], file: Path | None, *, remember: int = CAPACITY
) -> Recommender:
    """The recommender of a bundle with the items changed since it was made.  Raises BadSettings, BadBundle.

    remember: the number of customers whose candidates are cached for their next query.
    """
    never_show = build_never_show(CatalogueSettings.load(file).never_show)
    columns = bundle.checked("catalogue", Catalogue.specs(bundle.names_below("catalogue")))
    catalogue = Catalogue.from_arrays(columns, never_show).with_changes(items_changed)
    placements = load_placements(file, frozenset(SOURCES))
    settings = repr((sorted(placements.items()), sorted((key, sorted(values)) for key, values in never_show.items())))
    engine = open_engine(bundle, cached_users=remember)
    return Recommender(
        bundle=bundle,
        engine=engine,
        catalogue=catalogue,
        placements=placements,
        digest=hashlib.sha256(settings.encode()).hexdigest()[:16],
        applied_rules=AppliedRules(NO_RULES, catalogue),
        rating_predictor=open_rating_predictor(bundle, engine.users, engine.n_items),
    )


def with_segment_members(
    recommender: Recommender, store: Store, log_seq: int, home: Path, file: Path | None
) -> Recommender:
    """The same with the members of the saved segments that its rules name, as of now."""
    rules = recommender.rules
    if not rules.saved_segments:
        return recommender
    members = members_now(
        open_segment_repository(home, file).last_valid(),
        rules.saved_segments,
        engine=recommender.engine,
        catalogue=recommender.catalogue,
        store=store,
        log_seq=log_seq,
        now_ms=time.time_ns() // 1_000_000,
    )
    return recommender.with_rules(rules.with_members(members))


def open_recommender(home: Path, file: Path | None, items_changed: Iterable[Item] = ()) -> Recommender:
    """The recommender of the live bundle under the rules of the home.  Raises NoBundle before the first training."""
    bundles = home / "bundles"
    version = live_version(bundles)
    if version is None:
        raise NoBundle(f"{home}: nothing is live yet; run `recsys train`")
    bundle = open_release(bundles, version, trusted=read_trusted_keys(home))
    recommender = build_recommender(bundle, items_changed, file)
    return recommender.with_rules(open_rule_repository(home, file).last_valid())
