"""How each item of a list came to its place: what every source thinks of it, and which rules speak of it."""

from collections.abc import Iterator, Sequence

from recsys.engine.engine import Engine
from recsys.ranking.candidates.pipeline import ScoredItem
from recsys.ranking.candidates.pool import CandidatePool
from recsys.ranking.candidates.sources import BLEND_DEPTH, SOURCES, best_new_of
from recsys.ranking.context.context import QueryContext
from recsys.ranking.query import Explanation, RuleNote, SourceScore
from recsys.ranking.rules.apply import AppliedRules
from recsys.ranking.rules.model import Rule

DEPTH = 200  # of each source that are looked through

SourceOpinions = dict[int, list[SourceScore]]  # by item


def explanations(
    picks: Sequence[ScoredItem],
    question: QueryContext,
    engine: Engine,
    ruling: AppliedRules | None,
    rules: Sequence[Rule],
) -> list[Explanation]:
    """One for each pick, in their order."""
    heard = source_opinions(engine, question)
    plain = CandidatePool(engine, question.placement, question).first(len(picks), DEPTH)
    own = {pick.item: place for place, pick in enumerate(plain, start=1)}
    return [
        _explained(pick, place, own.get(pick.item), heard.get(pick.item, []), notes_of(pick.item, ruling, rules))
        for place, pick in enumerate(picks, start=1)
    ]


def source_opinions(engine: Engine, question: QueryContext) -> SourceOpinions:
    """What the sources of the placement, and the models behind `discover`, think of their best items."""
    heard: SourceOpinions = {}
    for item, voice in _voices(engine, question):
        heard.setdefault(item, []).append(voice)
    return heard


def notes_of(item: int, ruling: AppliedRules | None, rules: Sequence[Rule]) -> tuple[RuleNote, ...]:
    """The rules in force that speak of the item, in the order of the file."""
    if ruling is None:
        return ()
    return tuple(RuleNote(rule.id, rule.kind, rule.reason) for rule in rules if item in ruling.items(rule))


def sentence(voices: Sequence[SourceScore], source: str) -> str:
    """Where it comes from, in words."""
    if not voices:
        return f"{source} filled this place: no source of the placement found the item among its first {DEPTH}."
    return "; ".join(map(_said, voices)) + "."


def _voices(engine: Engine, question: QueryContext) -> Iterator[tuple[int, SourceScore]]:
    placement = question.placement
    is_mixed = placement.mix == "probability" and all(name in engine.calibrations for name in placement.sources)
    for name in dict.fromkeys(placement.sources):
        found = SOURCES[name](engine, question, DEPTH)
        chances = engine.calibrations[name].apply(found.scores).tolist() if is_mixed else [None] * len(found)
        for rank, (item, score) in enumerate(zip(found.items.tolist(), found.scores.tolist(), strict=True), start=1):
            yield item, SourceScore(name, rank, score, chance=chances[rank - 1])
        if name == "discover":
            yield from _models(engine, question)


def _models(engine: Engine, question: QueryContext) -> Iterator[tuple[int, SourceScore]]:
    for (name, weight), part in zip(
        engine.active_models.items(), best_new_of(engine, question, BLEND_DEPTH), strict=True
    ):
        for rank, (item, score) in enumerate(zip(part.items.tolist(), part.scores.tolist(), strict=True), start=1):
            yield item, SourceScore(f"discover/{name}", rank, score, weight=weight)


def _explained(
    pick: ScoredItem, place: int, own: int | None, voices: Sequence[SourceScore], notes: tuple[RuleNote, ...]
) -> Explanation:
    said = [sentence(voices, pick.source)]
    if own != place:
        before = f"place {own}" if own is not None else f"no place among the first {DEPTH}"
        said.append(f"By itself it has {before}.")
    said += [f"Rule {note.id} ({note.kind}): {note.reason}" for note in notes]
    return Explanation(" ".join(said), own, tuple(voices), notes)


def _said(voice: SourceScore) -> str:
    score = f"score {voice.score:.4g}"
    if voice.chance is not None:
        score += f", a chance of {100 * voice.chance:.1f} %"
    if voice.weight is not None:
        score += f", weight {voice.weight:.2f}"
    return f"number {voice.rank} of {voice.source} ({score})"
