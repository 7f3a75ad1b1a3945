"""What customers are like, by the attributes the shop gave them, as traits with numbers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from recsys.arrays import AnyArray, Doubles, Ints, Longs
from recsys.data.entities import Attribute, User
from recsys.data.ids import MISSING, IdMap, Texts

FEW_VALUES = 10  # a number that takes no more values than that is a grade: each value is a trait of its own
PARTS = 5  # any other number is cut into so many parts of equal size
FEWEST = 20  # a trait of fewer customers tells little, and too much of each of them


@dataclass(frozen=True, slots=True)
class UserFeatures:
    """Who is described and how: the traits of person n stand at offsets[n]:offsets[n + 1], ascending.

    users (M,) int32: positions, ascending, of the customers described; offsets (M + 1,); trait (P,) int32.
    """

    users: Ints
    offsets: Longs
    feature: Ints

    def features_of(self, row: int) -> Ints:
        """The traits of one of them."""
        return self.feature[self.offsets[row] : self.offsets[row + 1]]


@dataclass(frozen=True, slots=True)
class FeatureVocabulary:
    """How attributes become traits.  words: `age=35-44`, `member`, `income#2`; a trait is its position.

    measures: names of the attributes that are numbers; theirs are the cuts offsets[n]:offsets[n + 1], ascending.
    """

    words: IdMap
    measures: IdMap
    offsets: Longs
    cuts: Doubles

    def __len__(self) -> int:
        return len(self.words)

    def features_of(self, attributes: Mapping[str, Attribute]) -> Ints:
        """The traits of one customer, ascending, each once; what nobody else has said is left out."""
        found = {self.words.position(word) for word in self._words_of(attributes)} - {MISSING}
        return np.array(sorted(found), np.int32)

    def _words_of(self, attributes: Mapping[str, Attribute]) -> Iterator[str]:
        for name, value in attributes.items():
            if isinstance(value, bool):
                yield f"{name}={'yes' if value else 'no'}"
            elif isinstance(value, int | float):
                yield from self._part_of(name, float(value))
            elif isinstance(value, str) and value:
                yield f"{name}={value}"
            elif isinstance(value, list):
                yield from (f"{name}={one}" for one in value)

    def _part_of(self, name: str, value: float) -> Iterator[str]:
        at = self.measures.position(name)
        if at != MISSING:
            cuts = self.cuts[self.offsets[at] : self.offsets[at + 1]]
            yield f"{name}#{int(np.searchsorted(cuts, value, side='right'))}"

    def arrays(self) -> Mapping[str, AnyArray]:
        return {
            "word_blob": self.words.texts.blob,
            "word_offsets": self.words.texts.offsets,
            "measure_blob": self.measures.texts.blob,
            "measure_offsets": self.measures.texts.offsets,
            "cut_offsets": self.offsets,
            "cuts": self.cuts,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        return cls(
            IdMap(Texts(arrays["word_blob"], arrays["word_offsets"])),
            IdMap(Texts(arrays["measure_blob"], arrays["measure_offsets"])),
            arrays["cut_offsets"],
            arrays["cuts"],
        )


def build_vocabulary(people: Iterable[User], *, fewest: int = FEWEST, most: int = 500) -> FeatureVocabulary:
    """The traits that at least `fewest` of these people have, of more than `most` those of the most people."""
    people = list(people)
    cuts = {name: _cuts(np.sort(values)) for name, values in _numbers(people).items()}
    measures = IdMap.from_ids(cuts)
    ordered = [cuts[measures[at]] for at in range(len(measures))]
    offsets = np.cumsum([0, *map(len, ordered)]).astype(np.int64)
    nothing = IdMap.from_ids(())
    bare = FeatureVocabulary(nothing, measures, offsets, np.concatenate([np.empty(0), *ordered]))
    count: dict[str, int] = {}
    for person in people:
        for word in set(bare._words_of(person.attributes)):
            count[word] = count.get(word, 0) + 1
    usual = sorted((word for word, n in count.items() if n >= fewest), key=lambda word: (-count[word], word))[:most]
    return FeatureVocabulary(IdMap.from_ids(usual), measures, offsets, bare.cuts)


def build_user_features(people: Iterable[User], vocabulary: FeatureVocabulary, users: IdMap) -> UserFeatures:
    """Those of the people who are among these customers and have a trait."""
    told = {users.position(person.user_id): vocabulary.features_of(person.attributes) for person in people}
    kept = sorted(user for user, traits in told.items() if user != MISSING and len(traits))
    offsets = np.cumsum([0, *(len(told[user]) for user in kept)]).astype(np.int64)
    trait = np.concatenate([np.empty(0, np.int32), *(told[user] for user in kept)]).astype(np.int32)
    return UserFeatures(np.array(kept, np.int32), offsets, trait)


def _numbers(people: Sequence[User]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for person in people:
        for name, value in person.attributes.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                found.setdefault(name, []).append(float(value))
    return found


def _cuts(ordered: Doubles) -> Doubles:
    """Where one part ends and the next begins."""
    values = np.unique(ordered)
    if len(values) <= FEW_VALUES:
        return (values[1:] + values[:-1]) / 2
    return np.unique(np.quantile(ordered, np.arange(1, PARTS) / PARTS))
