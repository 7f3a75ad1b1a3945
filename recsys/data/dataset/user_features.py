"""User features: the attributes of customers as numbers."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from recsys.arrays import AnyArray, Doubles, Floats, Ints, Longs, ranges
from recsys.bundle.array_spec import ArraySpec, offsets, texts
from recsys.data.entities import Attribute, User
from recsys.data.ids import MISSING, IdMap, Texts

FEW_VALUES = 10  # an attribute with up to so many different numbers has a feature for each of them
N_BINS = 5  # other numbers are cut into so many bins of equal size
MIN_USERS = 20  # a feature of fewer customers says little, and too much about each of them


@dataclass(frozen=True, slots=True)
class UserFeatures:
    """Features of M customers: those of users[n] are feature[offsets[n]:offsets[n + 1]], ascending.

    users (M,) int32: ascending positions of the customers with features; offsets (M + 1,); feature (P,) int32.
    """

    users: Ints
    offsets: Longs
    feature: Ints

    def features_of(self, row: int) -> Ints:
        """The features of users[row]."""
        return self.feature[self.offsets[row] : self.offsets[row + 1]]

    def memberships(self, rows: Longs, n_features: int) -> Floats:
        """1 for each feature of users[rows], 0 for the others.  (Q,) -> (Q, T)"""
        members = np.zeros((len(rows), n_features), np.float32)
        lengths = self.offsets[rows + 1] - self.offsets[rows]
        members[np.repeat(np.arange(len(rows)), lengths), self.feature[ranges(self.offsets[rows], lengths)]] = 1
        return members


@dataclass(frozen=True, slots=True)
class FeatureVocabulary:
    """The features of attributes.  words: `age=35-44`, `member`, `income#2`; a feature is the position of its word.

    measures: names of the attributes that are numbers; measure n has the cuts offsets[n]:offsets[n + 1], ascending.
    """

    words: IdMap
    measures: IdMap
    offsets: Longs
    cuts: Doubles

    def __len__(self) -> int:
        return len(self.words)

    def features_of(self, attributes: Mapping[str, Attribute]) -> Ints:
        """The features of these attributes, ascending, each once; unknown words are left out."""
        features = {self.words.position(word) for word in self._words_of(attributes)} - {MISSING}
        return np.array(sorted(features), np.int32)

    def _words_of(self, attributes: Mapping[str, Attribute]) -> Iterator[str]:
        for name, value in attributes.items():
            if isinstance(value, bool):
                yield f"{name}={'yes' if value else 'no'}"
            elif isinstance(value, int | float):
                yield from self._bin_of(name, float(value))
            elif isinstance(value, str) and value:
                yield f"{name}={value}"
            elif isinstance(value, list):
                yield from (f"{name}={part}" for part in value)

    def _bin_of(self, name: str, value: float) -> Iterator[str]:
        at = self.measures.position(name)
        if at != MISSING:
            cuts = self.cuts[self.offsets[at] : self.offsets[at + 1]]
            yield f"{name}#{int(np.searchsorted(cuts, value, side='right'))}"

    @classmethod
    def specs(cls) -> dict[str, ArraySpec]:
        """What each array of a bundle must be: T words, M measures."""
        return {
            **texts("word_", "T", order="rising strictly"),
            **texts("measure_", "M", order="rising strictly"),
            "cut_offsets": offsets("M", "cuts"),
            "cuts": ArraySpec("cuts", "float64", rows="cut_offsets", order="rising"),
        }

    def arrays(self) -> Mapping[str, AnyArray]:
        return {
            **self.words.texts.arrays("word_"),
            **self.measures.texts.arrays("measure_"),
            "cut_offsets": self.offsets,
            "cuts": self.cuts,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        return cls(
            IdMap(Texts.from_arrays(arrays, "word_")),
            IdMap(Texts.from_arrays(arrays, "measure_")),
            arrays["cut_offsets"],
            arrays["cuts"],
        )


def build_vocabulary(
    people: Iterable[User], *, min_users: int = MIN_USERS, max_features: int = 500
) -> FeatureVocabulary:
    """The features that at least `min_users` of these customers have, the most frequent ones up to `max_features`."""
    people = list(people)
    cuts = {name: _cuts(np.sort(values)) for name, values in _numbers(people).items()}
    measures = IdMap.from_ids(cuts)
    ordered = [cuts[measures[at]] for at in range(len(measures))]
    offsets = np.cumsum([0, *map(len, ordered)]).astype(np.int64)
    bare = FeatureVocabulary(IdMap.from_ids(()), measures, offsets, np.concatenate([np.empty(0), *ordered]))
    count = Counter(word for person in people for word in set(bare._words_of(person.attributes)))
    frequent = sorted((word for word, n in count.items() if n >= min_users), key=lambda word: (-count[word], word))
    return FeatureVocabulary(IdMap.from_ids(frequent[:max_features]), measures, offsets, bare.cuts)


def build_user_features(people: Iterable[User], vocabulary: FeatureVocabulary, users: IdMap) -> UserFeatures:
    """The features of those people who are among `users` and have any."""
    by_user = {users.position(person.user_id): vocabulary.features_of(person.attributes) for person in people}
    kept = sorted(user for user, features in by_user.items() if user != MISSING and len(features))
    offsets = np.cumsum([0, *(len(by_user[user]) for user in kept)]).astype(np.int64)
    feature = np.concatenate([np.empty(0, np.int32), *(by_user[user] for user in kept)]).astype(np.int32)
    return UserFeatures(np.array(kept, np.int32), offsets, feature)


def _numbers(people: Sequence[User]) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    for person in people:
        for name, value in person.attributes.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                values.setdefault(name, []).append(float(value))
    return values


def _cuts(ordered: Doubles) -> Doubles:
    """The limits between bins."""
    values = np.unique(ordered)
    if len(values) <= FEW_VALUES:
        return (values[1:] + values[:-1]) / 2
    return np.unique(np.quantile(ordered, np.arange(1, N_BINS) / N_BINS))
