"""A merge is taken back: merge then unmerge restores, and what came meanwhile goes to whom it was sent for."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys.data.entities import User, UserChange
from recsys.data.facts import Fact, FactKind
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.data.store.people.merges import begin_unmerge
from recsys.data.store.people.user_tables import PIECE_ROWS
from recsys.errors import BadInput
from tests.contracts.test_identity import NEVER_ERASED, event, logged

IDS = "abcd"


def search(fact_id: str, user_id: str) -> Fact:
    return Fact(fact_id, user_id, FactKind.SEARCH, NEVER_ERASED, 0, "tea")


def consent(fact_id: str, user_id: str, value: float, at_ms: int) -> Fact:
    return Fact(fact_id, user_id, FactKind.CONSENT, at_ms, value, "till", "marketing", "email")


def state(store: Store) -> dict[str, Any]:
    """Everything that the store knows of each id, but the order of events."""
    return {
        user_id: (
            store.identity(user_id).owner_id,
            store.identity(user_id).is_personal,
            store.merged_ids(user_id),
            store.user(user_id),
            store.user_facts(user_id),
            sorted(event for page in store.event_pages(user_id) for event in page),
        )
        for user_id in IDS
    }


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("event"), st.sampled_from(IDS), st.integers(0, 9)),
        st.tuples(st.just("fact"), st.sampled_from(IDS), st.integers(0, 9)),
        st.tuples(st.just("consent"), st.sampled_from(IDS), st.integers(0, 9)),
        st.tuples(st.just("attribute"), st.sampled_from(IDS), st.integers(0, 3)),
        st.tuples(st.just("merge"), st.sampled_from(IDS), st.integers(0, 3)),
    ),
    max_size=14,
)


def act(store: Store, action: str, user_id: str, n: int) -> None:
    if action == "event":
        store.append([event(f"e{n}", user_id, at_ms=NEVER_ERASED)])
    elif action == "fact":
        store.add_facts([search(f"f{n}", user_id)])
    elif action == "consent":
        store.add_facts([consent(f"c{n}", user_id, n % 2, NEVER_ERASED + n)])
    elif action == "attribute":
        store.change_users([UserChange(user_id, {f"x{n}": user_id})])
    else:
        with suppress(BadInput):
            store.merge_users(user_id, IDS[n])


def check_law(folder: Path, actions: Sequence[tuple[str, str, int]], visitor: str, customer: str) -> None:
    """After any actions, merge then unmerge restores all that the store knows."""
    store = open_store(folder, None)
    for action in actions:
        act(store, *action)
    before, receipt = state(store), None
    with suppress(BadInput):
        receipt = store.merge_users(visitor, customer)
    if receipt is not None:
        assert store.identity(visitor).owner_id == store.identity(customer).owner_id
        store.unmerge_user(visitor)
    assert state(store) == before
    store.close()


EXAMPLE = [("event", "a", 1), ("event", "b", 2), ("merge", "a", 1), ("consent", "a", 3), ("fact", "c", 4)]
EXAMPLE += [("attribute", "b", 1), ("attribute", "c", 1), ("event", "c", 5), ("event", "a", 6)]


def test_a_merge_that_is_taken_back_leaves_everything_as_it_was(tmp_path: Path) -> None:
    check_law(tmp_path / "1", EXAMPLE, "b", "c")
    check_law(tmp_path / "2", EXAMPLE, "c", "b")
    check_law(tmp_path / "3", EXAMPLE, "d", "a")


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ACTIONS, st.sampled_from(IDS), st.sampled_from(IDS))
def test_a_merge_that_is_taken_back_restores_after_any_actions(
    tmp_path_factory: pytest.TempPathFactory, actions: list[tuple[str, str, int]], visitor: str, customer: str
) -> None:
    check_law(tmp_path_factory.mktemp("store"), actions, visitor, customer)


def test_what_came_after_the_merge_goes_to_whom_it_was_sent_for(store: Store) -> None:
    store.append([event("a", "visitor"), event("b", "customer")])
    store.merge_users("visitor", "customer")
    store.append([event("c", "visitor"), event("d", "customer")])
    store.add_facts([search("f", "visitor"), search("g", "customer"), consent("h", "visitor", 0, 5)])
    store.change_users([UserChange("customer", {"age": "30"})])
    receipt = store.unmerge_user("visitor")
    assert (receipt.kind, receipt.counts) == ("unmerge", {"events": 2, "kept": 2})
    assert sorted(logged(store)) == [("a", "visitor"), ("b", "customer"), ("c", "visitor"), ("d", "customer")]
    assert [fact.fact_id for fact in store.user_facts("visitor")] == ["h", "f"]
    assert [fact.fact_id for fact in store.user_facts("customer")] == ["g"]
    assert store.user("visitor") == User("visitor", consent={"marketing/email": False})
    assert store.user("customer") == User("customer", {"age": "30"})
    assert store.append([event("c", "visitor"), event("e", "visitor")]) == [False, True]
    assert store.receipt(receipt.receipt_id) == receipt


def test_lists_read_both_customers_anew_until_a_release_has_learnt_from_them(store: Store) -> None:
    store.append([event("a", "visitor"), event("b", "customer")])
    store.merge_users("visitor", "customer")
    learnt = store.head()
    store.unmerge_user("visitor")
    for user_id in ("visitor", "customer"):
        identity = store.identity(user_id)
        assert identity.forgotten_seq > learnt or user_id == "visitor"
        assert len(store.user_events(user_id, after_seq=max(learnt, identity.forgotten_seq))) == 1


def test_an_inner_merge_returns_with_its_visitor(store: Store) -> None:
    store.append([event("a", "first"), event("b", "second"), event("c", "third")])
    store.merge_users("first", "second")
    store.merge_users("second", "third")
    store.unmerge_user("second")
    assert store.merged_ids("second") == ["first"]
    assert sorted(logged(store)) == [("a", "second"), ("b", "second"), ("c", "third")]
    store.unmerge_user("first")
    assert sorted(logged(store)) == [("a", "first"), ("b", "second"), ("c", "third")]


def test_what_was_never_merged_or_was_merged_without_a_record_cannot_be_taken_back(store: Store) -> None:
    with pytest.raises(BadInput, match="is not merged into a customer"):
        store.unmerge_user("visitor")
    store.merge_users("visitor", "customer")
    with store._user_tables(1) as tables:
        tables.execute("DELETE FROM merges", ())
    with pytest.raises(BadInput, match="before merges were recorded"):
        store.unmerge_user("visitor")


def test_a_refused_consent_stays_refused_and_an_erasure_takes_the_record_of_the_merge(store: Store) -> None:
    store.put_users([User("visitor", {"town": "Ulm"}, {"personalisation": False})])
    store.merge_users("visitor", "customer")
    store.append([event("a", "visitor")])
    store.unmerge_user("visitor")
    assert (logged(store), store.identity("visitor").is_personal) == ([], False)
    store.merge_users("visitor", "customer")
    store.append([event("b", "visitor")])
    store.erase_user("customer")
    with store._user_tables(1) as tables:
        for table in ("merges", "sent_as", "facts"):
            assert tables.rows(f"SELECT count(*) FROM {table}") == [(0,)]


@pytest.fixture
def begun(store: Store) -> Store:
    """A store in which many events of a visitor are on their way back."""
    store.append([event(f"{n:04}", "visitor", n + NEVER_ERASED) for n in range(2 * PIECE_ROWS)])
    store.append([event("own", "customer", NEVER_ERASED)])
    store.merge_users("visitor", "customer")
    with store._user_tables(1) as tables:
        assert begin_unmerge(tables, "visitor").receipt.counts["events"] == PIECE_ROWS
    return store


def test_a_broken_off_unmerge_goes_on_and_an_erasure_waits_for_its_end(begun: Store) -> None:
    assert begun.erase_user("customer").counts["events"] == 1
    assert {user for _, user in logged(begun)} == {"visitor"}
    assert len(logged(begun)) == 2 * PIECE_ROWS
    assert begun.unfinished_changes() == []


def test_an_unmerge_that_is_repeated_ends_the_one_that_was_broken_off(begun: Store) -> None:
    assert begun.unmerge_user("visitor").counts == {"events": 2 * PIECE_ROWS, "kept": 1}
