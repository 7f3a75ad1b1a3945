"""Attributes of customers become features: words as they are, numbers in bins, rare ones left out."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from recsys.data.dataset.user_features import MIN_USERS, FeatureVocabulary, build_user_features, build_vocabulary
from recsys.data.entities import Attribute, User
from recsys.data.ids import IdMap


def people(*attributes: Mapping[str, Attribute]) -> list[User]:
    return [User(f"u{at:03}", values) for at, values in enumerate(attributes)]


def words(vocabulary: FeatureVocabulary, attributes: dict[str, Attribute]) -> set[str]:
    return {vocabulary.words[feature] for feature in vocabulary.features_of(attributes).tolist()}


def test_words_flags_and_lists_are_features_of_their_own() -> None:
    values: dict[str, Attribute] = {
        "age": "35-44",
        "member": True,
        "kids": False,
        "likes": ["tea", "jam"],
        "note": None,
    }

    vocabulary = build_vocabulary(people(*[values] * MIN_USERS))

    assert words(vocabulary, values) == {"age=35-44", "member=yes", "kids=no", "likes=tea", "likes=jam"}
    assert words(vocabulary, {"age": "never heard of", "shoe": 43.0}) == set()


def test_a_number_of_few_values_has_a_feature_for_each() -> None:
    vocabulary = build_vocabulary(people(*[{"kids": 0.0}] * 30, *[{"kids": 2.0}] * 30))

    assert words(vocabulary, {"kids": 0}) == {"kids#0"}
    assert words(vocabulary, {"kids": 2.0}) == words(vocabulary, {"kids": 7.0}) == {"kids#1"}


def test_a_number_of_many_values_is_cut_into_five_equal_bins() -> None:
    vocabulary = build_vocabulary(people(*[{"income": float(at)} for at in range(500)]))

    assert [words(vocabulary, {"income": float(at)}) for at in (0, 99, 150, 250, 350, 499)] == [
        {"income#0"}, {"income#0"}, {"income#1"}, {"income#2"}, {"income#3"}, {"income#4"},
    ]  # fmt: skip


def test_what_only_a_few_customers_have_is_no_feature() -> None:
    vocabulary = build_vocabulary(people(*[{"town": "Ulm"}] * MIN_USERS, *[{"town": "Hamlet"}] * (MIN_USERS - 1)))

    assert words(vocabulary, {"town": "Ulm"}) == {"town=Ulm"}
    assert words(vocabulary, {"town": "Hamlet"}) == set()


def test_only_customers_with_a_feature_have_a_row() -> None:
    customers = people(*[{"town": "Ulm"}] * MIN_USERS, {"town": "Hamlet"})
    vocabulary = build_vocabulary(customers)

    described = build_user_features(
        [*customers, User("elsewhere", {"town": "Ulm"})], vocabulary, IdMap.from_ids(u.user_id for u in customers)
    )

    assert described.users.tolist() == list(range(MIN_USERS))
    assert described.features_of(3).tolist() == [0]


@given(st.dictionaries(st.text(max_size=3), st.text(max_size=3) | st.booleans() | st.floats(-5, 5), max_size=4))
def test_a_vocabulary_read_back_says_the_same(attributes: dict[str, Attribute]) -> None:
    vocabulary = build_vocabulary(people(attributes, {"age": 3.0, "a": "b"}, {"age": 4.0}), min_users=1)

    again = FeatureVocabulary.from_arrays(vocabulary.arrays())

    assert again.features_of(attributes).tolist() == vocabulary.features_of(attributes).tolist()
