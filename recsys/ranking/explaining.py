"""How each item of a list came to its place: what every source thinks of it, and which rules speak of it."""

from collections.abc import Iterator, Sequence

from recsys.ranking.engine import Engine
from recsys.ranking.pipeline import Pick
from recsys.ranking.query import Explanation, RuleNote, Voice
from recsys.ranking.question import Question
from recsys.ranking.rules import Rule
from recsys.ranking.ruling import Ruling
from recsys.ranking.sources import BLEND_DEPTH, SOURCES, best_new_of
from recsys.ranking.supply import Supply

DEPTH = 200  # of each source that are looked through

Heard = dict[int, list[Voice]]  # by item


def explanations(
    picks: Sequence[Pick], question: Question, engine: Engine, ruling: Ruling | None, rules: Sequence[Rule]
) -> list[Explanation]:
    """One for each pick, in their order."""
    heard = heard_of(engine, question)
    plain = Supply(engine, question.placement, question).first(len(picks), DEPTH)
    own = {pick.item: place for place, pick in enumerate(plain, start=1)}
    return [
        _explained(pick, place, own.get(pick.item), heard.get(pick.item, []), notes_of(pick.item, ruling, rules))
        for place, pick in enumerate(picks, start=1)
    ]


def heard_of(engine: Engine, question: Question) -> Heard:
    """What the sources of the placement, and the models behind `discover`, think of their best items."""
    heard: Heard = {}
    for item, voice in _voices(engine, question):
        heard.setdefault(item, []).append(voice)
    return heard


def notes_of(item: int, ruling: Ruling | None, rules: Sequence[Rule]) -> tuple[RuleNote, ...]:
    """The rules in force that speak of the item, in the order of the file."""
    if ruling is None:
        return ()
    return tuple(RuleNote(rule.id, rule.kind, rule.reason) for rule in rules if item in ruling.items(rule))


def sentence(voices: Sequence[Voice], source: str) -> str:
    """Where it comes from, in words."""
    if not voices:
        return f"{source} filled this place: no source of the placement found the item among its first {DEPTH}."
    return "; ".join(map(_said, voices)) + "."


def _voices(engine: Engine, question: Question) -> Iterator[tuple[int, Voice]]:
    placement = question.placement
    is_mixed = placement.mix == "probability" and all(name in engine.chances for name in placement.sources)
    for name in dict.fromkeys(placement.sources):
        found = SOURCES[name](engine, question, DEPTH)
        chances = engine.chances[name].of(found.scores).tolist() if is_mixed else [None] * len(found)
        for rank, (item, score) in enumerate(zip(found.items.tolist(), found.scores.tolist(), strict=True), start=1):
            yield item, Voice(name, rank, score, chance=chances[rank - 1])
        if name == "discover":
            yield from _models(engine, question)


def _models(engine: Engine, question: Question) -> Iterator[tuple[int, Voice]]:
    for (name, weight), part in zip(engine.voices.items(), best_new_of(engine, question, BLEND_DEPTH), strict=True):
        for rank, (item, score) in enumerate(zip(part.items.tolist(), part.scores.tolist(), strict=True), start=1):
            yield item, Voice(f"discover/{name}", rank, score, weight=weight)


def _explained(
    pick: Pick, place: int, own: int | None, voices: Sequence[Voice], notes: tuple[RuleNote, ...]
) -> Explanation:
    said = [sentence(voices, pick.source)]
    if own != place:
        before = f"place {own}" if own is not None else f"no place among the first {DEPTH}"
        said.append(f"By itself it has {before}.")
    said += [f"Rule {note.id} ({note.kind}): {note.reason}" for note in notes]
    return Explanation(" ".join(said), own, tuple(voices), notes)


def _said(voice: Voice) -> str:
    score = f"score {voice.score:.4g}"
    if voice.chance is not None:
        score += f", a chance of {100 * voice.chance:.1f} %"
    if voice.weight is not None:
        score += f", weight {voice.weight:.2f}"
    return f"number {voice.rank} of {voice.source} ({score})"
