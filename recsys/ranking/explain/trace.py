"""Explanation trace: the scores that each source gave an item of the list, and the rules that target it."""

from collections.abc import Iterator, Sequence

from recsys.ranking.candidates.pipeline import ScoredItem
from recsys.ranking.candidates.pool import CandidatePool
from recsys.ranking.candidates.sources import BLEND_DEPTH, SOURCES, discover_candidates
from recsys.ranking.context.context import QueryContext
from recsys.ranking.explain.attributes import attributes_sentences
from recsys.ranking.query import Explanation, RuleNote, SourceScore
from recsys.ranking.rules.apply import AppliedRules
from recsys.ranking.rules.model import Rule

DEPTH = 200  # candidates of each source that are searched

ScoresByItem = dict[int, list[SourceScore]]


def build_explanations(
    scored: Sequence[ScoredItem],
    context: QueryContext,
    applied_rules: AppliedRules,
    rules: Sequence[Rule],
) -> list[Explanation]:
    """One for each item, in their order."""
    scores = source_scores(context)
    plain = CandidatePool(context).first(len(scored), DEPTH)
    own_places = {candidate.item: place for place, candidate in enumerate(plain, start=1)}
    explanations: list[Explanation] = []
    by_attributes = attributes_sentences(context, scored)
    for place, (candidate, attributes) in enumerate(zip(scored, by_attributes, strict=True), start=1):
        own_place = own_places.get(candidate.item)
        sources = scores.get(candidate.item, [])
        sentences = [source_sentence(sources, candidate.source)]
        if attributes is not None:
            sentences.append(attributes)
        if own_place != place:
            before = f"place {own_place}" if own_place is not None else f"no place among the first {DEPTH}"
            sentences.append(f"By itself it has {before}.")
        notes = rule_notes(candidate.item, applied_rules, rules)
        sentences += [f"Rule {note.id} ({note.kind}): {note.reason}" for note in notes]
        explanations.append(Explanation(" ".join(sentences), own_place, tuple(sources), notes))
    return explanations


def source_scores(context: QueryContext) -> ScoresByItem:
    """The best items of the placement's sources, and of the models behind `discover`, with rank and score in each."""
    scores: ScoresByItem = {}
    for item, source_score in _all_scores(context):
        scores.setdefault(item, []).append(source_score)
    return scores


def rule_notes(item: int, applied_rules: AppliedRules, rules: Sequence[Rule]) -> tuple[RuleNote, ...]:
    """The active rules that target the item, in the order of the file."""
    return tuple(RuleNote(rule.id, rule.kind, rule.reason) for rule in rules if item in applied_rules.items(rule))


def source_sentence(scores: Sequence[SourceScore], source: str) -> str:
    """The sources of an item, in words."""
    if not scores:
        return f"{source} filled this place: no source of the placement found the item among its first {DEPTH}."
    return "; ".join(map(_score_text, scores)) + "."


def _all_scores(context: QueryContext) -> Iterator[tuple[int, SourceScore]]:
    placement, calibrations = context.placement, context.engine.calibrations
    is_mixed = placement.mix == "probability" and all(source in calibrations for source in placement.sources)
    for source in dict.fromkeys(placement.sources):
        candidates = SOURCES[source](context, DEPTH)
        n_events, chances = len(context.history.item), [None] * len(candidates)
        if is_mixed:
            chances = calibrations[source].apply(candidates.scores, n_events).tolist()
        rows = zip(candidates.items.tolist(), candidates.scores.tolist(), chances, strict=True)
        for rank, (item, score, chance) in enumerate(rows, start=1):
            yield item, SourceScore(source, rank, score, chance=chance)
        if source == "discover":
            yield from _model_scores(context)


def _model_scores(context: QueryContext) -> Iterator[tuple[int, SourceScore]]:
    lists = discover_candidates(context, BLEND_DEPTH)
    for (name, weight), candidates in zip(context.engine.active_models.items(), lists, strict=True):
        rows = zip(candidates.items.tolist(), candidates.scores.tolist(), strict=True)
        for rank, (item, score) in enumerate(rows, start=1):
            yield item, SourceScore(f"discover/{name}", rank, score, weight=weight)


def _score_text(source_score: SourceScore) -> str:
    text = f"score {source_score.score:.4g}"
    if source_score.chance is not None:
        text += f", a chance of {100 * source_score.chance:.1f} %"
    if source_score.weight is not None:
        text += f", weight {source_score.weight:.2f}"
    return f"number {source_score.rank} of {source_score.source} ({text})"
