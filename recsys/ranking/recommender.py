"""The one door: a bundle, a catalogue and placements on this side, questions and answers on the other."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from recsys.bundle import Bundle, bundle_path, live_version, open_bundle
from recsys.config import CatalogueSettings
from recsys.data.catalogue.catalogue import Catalogue, build_never_show
from recsys.data.entities import Item
from recsys.data.events import Event
from recsys.data.ids import MISSING
from recsys.data.store.consent import ConsentCheck
from recsys.engine.candidate_cache import CAPACITY
from recsys.engine.engine import Engine, open_engine
from recsys.errors import NoBundle, NotEnoughData, UnknownItem
from recsys.ranking.candidates.pipeline import ScoredItem, candidates_for, level_of
from recsys.ranking.candidates.pool import CandidatePool
from recsys.ranking.candidates.sources import SOURCES
from recsys.ranking.context.context import QueryContext, resolve, with_recent_events
from recsys.ranking.explain.reasons import reasons_of
from recsys.ranking.explain.trace import explanations
from recsys.ranking.filters.eligibility import eligible_items
from recsys.ranking.filters.expression import Where
from recsys.ranking.filters.spec import NO_FILTERS, Filters
from recsys.ranking.placements import Placements, find, load_placements
from recsys.ranking.query import Query, Recommendation, RecommendationList
from recsys.ranking.rating_prediction import RatingPredictor, open_rating_predictor
from recsys.ranking.rerank.assembly import shaped
from recsys.ranking.rerank.constraints import constraints_of
from recsys.ranking.rules.apply import AppliedRules
from recsys.ranking.rules.model import NO_RULES, Rule, Rules, active_rules
from recsys.ranking.rules.repository import rule_repository
from recsys.ranking.targeting.audience import AudienceMember, audience_of
from recsys.ranking.targeting.lookalikes import Lookalike, lookalikes_of
from recsys.ranking.targeting.rank_items import Ranking, model_as_placement, rank_items
from recsys.time_units import DAY_MS


@dataclass(frozen=True, slots=True)
class Recommender:
    """Immutable; a newer catalogue makes another one.  `digest` names placements and catalogue settings."""

    bundle: Bundle
    engine: Engine
    catalogue: Catalogue
    placements: Placements
    digest: str
    expected: RatingPredictor | None = None
    ruling: AppliedRules | None = None  # None where there are no rules

    def recommend(self, ask: Query) -> RecommendationList:
        """min(k, eligible) items.  Raises UnknownPlacement; an unknown customer gets what the shop sells best."""
        question, picks = self._decided(ask)
        answer = self._answer(ask.placement, picks, question)
        if ask.explain:
            answer = self._explained(ask, answer, question, picks)
        return answer if self.expected is None else self.expected.told(answer, ask, self.catalogue)

    def expected_rating(self, user_id: str | None, item_id: str, recent: Sequence[Event] = ()) -> float:
        """What the customer would rate the item.  recent: their events since the bundle, oldest first.

        Somebody unknown is taken for anybody.  Raises UnknownItem; NotEnoughData where the shop has no ratings.
        """
        item = self._position(item_id)
        if self.expected is None:
            raise NotEnoughData("the live release knows no ratings; import events of kind rating, then `recsys train`")
        return float(self.expected.predict(user_id, recent, np.array([item], np.int32), self.catalogue)[0])

    def picks(self, ask: Query) -> list[ScoredItem]:
        """The same list in numbers, before it is put into words; for who asks thousands of times."""
        return self._decided(ask)[1]

    def similar(self, item_id: str, *, k: int, now_ms: int, filters: Filters = NO_FILTERS) -> RecommendationList:
        """What goes with that item.  Raises UnknownItem for an id neither events nor catalogue know."""
        return self.recommend(self.beside(item_id, k=k, now_ms=now_ms, filters=filters))

    def beside(self, item_id: str, *, k: int, now_ms: int, filters: Filters = NO_FILTERS) -> Query:
        """The question of what goes with that item.  Raises UnknownItem."""
        self._position(item_id)
        return Query(now_ms, "product", k, context=(item_id,), filters=filters)

    def rank(self, ask: Query, item_ids: Sequence[str], *, model: str | None = None, sinks: bool = True) -> Ranking:
        """These items in the order in which the customer wants them, each known one once; `k` of the ask is not read.

        model: this one decides instead of the placement.  sinks: what the customer waved away or cannot be bought now
        stands at the end.  Raises UnknownPlacement, UnknownModel.
        """
        engine = self.engine
        placement = find(self.placements, ask.placement) if model is None else model_as_placement(model, engine)
        return rank_items(ask, item_ids, placement, engine, self.catalogue, sinks=sinks)

    def audience(
        self, item_id: str | None, *, where: Where | None = None, now_ms: int, limit: int, has_consent: ConsentCheck
    ) -> list[AudienceMember]:
        """The customers most likely to buy that item, or one of those on sale that pass the filter, best first.

        As the release knows them.  has_consent: False keeps a customer out.  Raises UnknownItem, UnknownAttribute.
        """
        if item_id is not None:
            items = np.array([self._position(item_id)], np.int32)
        else:
            filters = Filters(where=where)
            items = np.flatnonzero(eligible_items(filters, self.catalogue, now_ms / DAY_MS).mask).astype(np.int32)
        return audience_of(self.engine, self.catalogue, items, limit=limit, has_consent=has_consent)

    def twins(
        self, user_id: str | None, recent: Sequence[Event], *, k: int, has_consent: ConsentCheck
    ) -> list[Lookalike]:
        """The customers most like this one, best first; recent: events since the bundle, oldest first."""
        history = with_recent_events(self.engine.history_of(user_id), recent, self.engine, self.catalogue)
        return lookalikes_of(self.engine, self.catalogue, history, user_id, k=k, has_consent=has_consent)

    def eligible(self, ask: Query) -> int:
        """How many items may stand in the list: what it is drawn from, however long it is."""
        question, picks = self._decided(replace(ask, k=self.catalogue.n_items))
        return int(np.count_nonzero(question.allowed)) if question.placement.fills else len(picks)

    def _position(self, item_id: str) -> int:
        item = self.catalogue.position(item_id)
        if item == MISSING:
            raise UnknownItem(f"no item {item_id!r} in the catalogue or the events")
        return item

    def with_catalogue(self, catalogue: Catalogue) -> "Recommender":
        ruling = AppliedRules(self.ruling.rules, catalogue) if self.ruling is not None else None
        return replace(self, catalogue=catalogue, ruling=ruling)

    def with_rules(self, rules: Rules) -> "Recommender":
        return replace(self, ruling=AppliedRules(rules, self.catalogue) if rules else None)

    @property
    def rules(self) -> Rules:
        return self.ruling.rules if self.ruling is not None else NO_RULES

    def rules_for(self, ask: Query) -> Sequence[Rule]:
        """The rules that hold for that question, in the order of the file."""
        placement = find(self.placements, ask.placement)
        return self._rules_for(ask, resolve(ask, placement, self.engine, self.catalogue))

    def _decided(self, ask: Query) -> tuple[QueryContext, list[ScoredItem]]:
        placement = find(self.placements, ask.placement)
        if not ask.fills:
            placement = placement.model_copy(update={"fills": False})
        question = resolve(ask, placement, self.engine, self.catalogue)
        if ask.shape is None and self.ruling is None:
            return question, candidates_for(self.engine, placement, question, ask.k)
        return self._shaped(ask, question)

    def _shaped(self, ask: Query, question: QueryContext) -> tuple[QueryContext, list[ScoredItem]]:
        """Where there are wishes for the order of the list, or rules."""
        rules = self._rules_for(ask, question)
        if not rules and ask.shape is None:
            return question, candidates_for(self.engine, question.placement, question, ask.k)
        shaping = constraints_of(ask, self.catalogue)
        if self.ruling is not None and rules:
            question = self.ruling.permitted(question, rules)
            shaping = self.ruling.shaping(rules, shaping)
        supply = CandidatePool(self.engine, question.placement, question, shaping.min_score)
        return question, shaped(supply, shaping, ask.k, self.catalogue)

    def _rules_for(self, ask: Query, question: QueryContext) -> Sequence[Rule]:
        if self.ruling is None:
            return ()
        return active_rules(self.ruling.rules, ask.placement, ask.now_ms, ask.attributes, question)

    def _explained(
        self, ask: Query, answer: RecommendationList, question: QueryContext, picks: list[ScoredItem]
    ) -> RecommendationList:
        told = explanations(picks, question, self.engine, self.ruling, self._rules_for(ask, question))
        items = (item._replace(explanation=one) for item, one in zip(answer.items, told, strict=True))
        return replace(answer, items=tuple(items))

    def _answer(self, placement: str, picks: list[ScoredItem], question: QueryContext) -> RecommendationList:
        label, reasons = self.catalogue.label, reasons_of(picks, question, self.engine, self.catalogue)
        items = [
            Recommendation(*label(item), score, rank, reason, source, None, probability)
            for rank, ((item, score, source, _, probability), reason) in enumerate(zip(picks, reasons, strict=True), 1)
        ]
        return RecommendationList(tuple(items), placement, self.engine.version, level_of(picks))


def recommender_of(
    bundle: Bundle, items_changed: Iterable[Item], file: Path | None, *, remember: int = CAPACITY
) -> Recommender:
    """The recommender of a bundle with the items changed since it was made.  Raises BadSettings, BadBundle.

    remember: how many customers' candidates are kept for their next answer.
    """
    never_show = build_never_show(CatalogueSettings.load(file).never_show)
    catalogue = Catalogue.from_arrays(bundle.group("catalogue"), never_show)
    placements = load_placements(file, frozenset(SOURCES))
    told = repr((sorted(placements.items()), sorted((key, sorted(values)) for key, values in never_show.items())))
    engine = open_engine(bundle, cached_users=remember)
    return Recommender(
        bundle=bundle,
        engine=engine,
        catalogue=catalogue.with_changes(items_changed),
        placements=placements,
        digest=hashlib.sha256(told.encode()).hexdigest()[:16],
        expected=open_rating_predictor(bundle, engine.users, engine.n_items),
    )


def open_recommender(home: Path, file: Path | None, items_changed: Iterable[Item] = ()) -> Recommender:
    """The recommender of the live bundle under the rules of the home.  Raises NoBundle before the first training."""
    bundles = home / "bundles"
    version = live_version(bundles)
    if version is None:
        raise NoBundle(f"{home}: nothing is live yet; run `recsys train`")
    found = recommender_of(open_bundle(bundle_path(bundles, version)), items_changed, file)
    return found.with_rules(rule_repository(home, file).good())
