"""The one door: a bundle, a catalogue and placements on this side, questions and answers on the other."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from recsys.arrays import DAY_MS
from recsys.bundle import Bundle, bundle_path, live_version, open_bundle
from recsys.config import CatalogueSettings
from recsys.data.catalogue import Item
from recsys.data.events import Event
from recsys.data.ids import MISSING
from recsys.data.shelf import Catalogue, never_shown
from recsys.errors import NoBundle, NotEnoughData, UnknownItem
from recsys.ranking.assembly import shaped
from recsys.ranking.audience import Admits, Fan, Twin, audience_of, twins_of
from recsys.ranking.engine import Engine, open_engine
from recsys.ranking.expected import ExpectedRatings, open_expected
from recsys.ranking.explaining import explanations
from recsys.ranking.filters import allowed_by
from recsys.ranking.pipeline import Pick, level_of, picks_of
from recsys.ranking.placements import Placements, find, load_placements
from recsys.ranking.query import NO_FILTERS, Answer, Ask, Filters, Recommendation
from recsys.ranking.question import Question, joined, question_of
from recsys.ranking.rank import Ranking, model_as_placement, ranking_of
from recsys.ranking.reasons import reasons_of
from recsys.ranking.remembered import MOST
from recsys.ranking.rulebook import rulebook_of
from recsys.ranking.rules import NO_RULES, Rule, Rules, in_force
from recsys.ranking.ruling import Ruling
from recsys.ranking.shaping import shaping_of
from recsys.ranking.sources import SOURCES
from recsys.ranking.supply import Supply
from recsys.ranking.where import Where


@dataclass(frozen=True, slots=True)
class Recommender:
    """Immutable; a newer catalogue makes another one.  `digest` names placements and catalogue settings."""

    bundle: Bundle
    engine: Engine
    catalogue: Catalogue
    placements: Placements
    digest: str
    expected: ExpectedRatings | None = None
    ruling: Ruling | None = None  # None where there are no rules

    def recommend(self, ask: Ask) -> Answer:
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

    def picks(self, ask: Ask) -> list[Pick]:
        """The same list in numbers, before it is put into words; for who asks thousands of times."""
        return self._decided(ask)[1]

    def similar(self, item_id: str, *, k: int, now_ms: int, filters: Filters = NO_FILTERS) -> Answer:
        """What goes with that item.  Raises UnknownItem for an id neither events nor catalogue know."""
        return self.recommend(self.beside(item_id, k=k, now_ms=now_ms, filters=filters))

    def beside(self, item_id: str, *, k: int, now_ms: int, filters: Filters = NO_FILTERS) -> Ask:
        """The question of what goes with that item.  Raises UnknownItem."""
        self._position(item_id)
        return Ask(now_ms, "product", k, context=(item_id,), filters=filters)

    def rank(self, ask: Ask, item_ids: Sequence[str], *, model: str | None = None, sinks: bool = True) -> Ranking:
        """These items in the order in which the customer wants them, each known one once; `k` of the ask is not read.

        model: this one decides instead of the placement.  sinks: what the customer waved away or cannot be bought now
        stands at the end.  Raises UnknownPlacement, UnknownModel.
        """
        engine = self.engine
        placement = find(self.placements, ask.placement) if model is None else model_as_placement(model, engine)
        return ranking_of(ask, item_ids, placement, engine, self.catalogue, sinks=sinks)

    def audience(
        self, item_id: str | None, *, where: Where | None = None, now_ms: int, limit: int, admits: Admits
    ) -> list[Fan]:
        """The customers most likely to buy that item, or one of those on sale that pass the filter, best first.

        As the release knows them; admits: False for who must not be among them.  Raises UnknownItem, UnknownAttribute.
        """
        if item_id is not None:
            items = np.array([self._position(item_id)], np.int32)
        else:
            filters = Filters(where=where)
            items = np.flatnonzero(allowed_by(filters, self.catalogue, now_ms / DAY_MS).mask).astype(np.int32)
        return audience_of(self.engine, self.catalogue, items, limit=limit, admits=admits)

    def twins(self, user_id: str | None, recent: Sequence[Event], *, k: int, admits: Admits) -> list[Twin]:
        """The customers most like this one, best first; recent: events since the bundle, oldest first."""
        history = joined(self.engine.history_of(user_id), recent, self.engine, self.catalogue)
        return twins_of(self.engine, self.catalogue, history, user_id, k=k, admits=admits)

    def eligible(self, ask: Ask) -> int:
        """How many items may stand in the list: what it is drawn from, however long it is."""
        question, picks = self._decided(replace(ask, k=self.catalogue.n_items))
        return int(np.count_nonzero(question.allowed)) if question.placement.fills else len(picks)

    def _position(self, item_id: str) -> int:
        item = self.catalogue.position(item_id)
        if item == MISSING:
            raise UnknownItem(f"no item {item_id!r} in the catalogue or the events")
        return item

    def with_catalogue(self, catalogue: Catalogue) -> "Recommender":
        ruling = Ruling(self.ruling.rules, catalogue) if self.ruling is not None else None
        return replace(self, catalogue=catalogue, ruling=ruling)

    def with_rules(self, rules: Rules) -> "Recommender":
        return replace(self, ruling=Ruling(rules, self.catalogue) if rules else None)

    @property
    def rules(self) -> Rules:
        return self.ruling.rules if self.ruling is not None else NO_RULES

    def rules_for(self, ask: Ask) -> Sequence[Rule]:
        """The rules that hold for that question, in the order of the file."""
        placement = find(self.placements, ask.placement)
        return self._rules_for(ask, question_of(ask, placement, self.engine, self.catalogue))

    def _decided(self, ask: Ask) -> tuple[Question, list[Pick]]:
        placement = find(self.placements, ask.placement)
        if not ask.fills:
            placement = placement.model_copy(update={"fills": False})
        question = question_of(ask, placement, self.engine, self.catalogue)
        if ask.shape is None and self.ruling is None:
            return question, picks_of(self.engine, placement, question, ask.k)
        return self._shaped(ask, question)

    def _shaped(self, ask: Ask, question: Question) -> tuple[Question, list[Pick]]:
        """Where there are wishes for the order of the list, or rules."""
        rules = self._rules_for(ask, question)
        if not rules and ask.shape is None:
            return question, picks_of(self.engine, question.placement, question, ask.k)
        shaping = shaping_of(ask, self.catalogue)
        if self.ruling is not None and rules:
            question = self.ruling.permitted(question, rules)
            shaping = self.ruling.shaping(rules, shaping)
        supply = Supply(self.engine, question.placement, question, shaping.min_score)
        return question, shaped(supply, shaping, ask.k, self.catalogue)

    def _rules_for(self, ask: Ask, question: Question) -> Sequence[Rule]:
        if self.ruling is None:
            return ()
        return in_force(self.ruling.rules, ask.placement, ask.now_ms, ask.attributes, question)

    def _explained(self, ask: Ask, answer: Answer, question: Question, picks: list[Pick]) -> Answer:
        told = explanations(picks, question, self.engine, self.ruling, self._rules_for(ask, question))
        items = (item._replace(explanation=one) for item, one in zip(answer.items, told, strict=True))
        return replace(answer, items=tuple(items))

    def _answer(self, placement: str, picks: list[Pick], question: Question) -> Answer:
        label, reasons = self.catalogue.label, reasons_of(picks, question, self.engine, self.catalogue)
        items = [
            Recommendation(*label(item), score, rank, reason, source, None, probability)
            for rank, ((item, score, source, _, probability), reason) in enumerate(zip(picks, reasons, strict=True), 1)
        ]
        return Answer(tuple(items), placement, self.engine.version, level_of(picks))


def recommender_of(
    bundle: Bundle, items_changed: Iterable[Item], file: Path | None, *, remember: int = MOST
) -> Recommender:
    """The recommender of a bundle with the items changed since it was made.  Raises BadSettings, BadBundle.

    remember: how many customers' candidates are kept for their next answer.
    """
    never_show = never_shown(CatalogueSettings.load(file).never_show)
    catalogue = Catalogue.from_arrays(bundle.group("catalogue"), never_show)
    placements = load_placements(file, frozenset(SOURCES))
    told = repr((sorted(placements.items()), sorted((key, sorted(values)) for key, values in never_show.items())))
    engine = open_engine(bundle, remember=remember)
    return Recommender(
        bundle=bundle,
        engine=engine,
        catalogue=catalogue.with_changes(items_changed),
        placements=placements,
        digest=hashlib.sha256(told.encode()).hexdigest()[:16],
        expected=open_expected(bundle, engine.users, engine.n_items),
    )


def open_recommender(home: Path, file: Path | None, items_changed: Iterable[Item] = ()) -> Recommender:
    """The recommender of the live bundle under the rules of the home.  Raises NoBundle before the first training."""
    bundles = home / "bundles"
    version = live_version(bundles)
    if version is None:
        raise NoBundle(f"{home}: nothing is live yet; run `recsys train`")
    found = recommender_of(open_bundle(bundle_path(bundles, version)), items_changed, file)
    return found.with_rules(rulebook_of(home, file).good())
