"""Every store keeps the contract of identity: consent, merges, tombstones and erasure."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys.data.entities import User, UserChange
from recsys.data.events import Activity, Event, Kind
from recsys.data.store.base import Store
from recsys.data.store.identity import AppendResult, Conflict, Identity
from recsys.data.store.open import open_store
from recsys.errors import BadInput
from tests.contracts.conftest import OpenStore

NEVER_ERASED = 2**52  # later than any erasure
NO = {"personalisation": False}


def event(event_id: str, user_id: str = "u", at_ms: int = 0) -> Event:
    return Event(event_id, user_id, "i", Kind.VIEW, at_ms)


def ids_of(store: Store, user_id: str, after_seq: int = 0) -> list[str]:
    return [event.event_id for event in store.user_events(user_id, after_seq=after_seq)]


def logged(store: Store) -> list[tuple[str, str]]:
    frames = list(store.scan())
    return [pair for frame in frames for pair in frame.select("event_id", "user_id").iter_rows()]


def test_an_unknown_customer_owns_their_id(store: Store) -> None:
    assert store.identity("nobody") == Identity("nobody", True, 0, 0)
    assert store.identity("\0").is_personal
    store.append([event("a")])
    assert store.identity("u") == Identity("u", True, store.user_head("u"), 0)


def test_without_consent_events_are_deleted_and_later_ones_are_not_kept(store: Store) -> None:
    store.append([event("a"), event("b", "v"), event("c")])
    before = store.head()
    store.put_users([User("u", {"age": 3.0}, NO)])
    identity = store.identity("u")
    assert not identity.is_personal
    assert identity.forgotten_seq == identity.head > before
    assert store.append([event("d"), event("e", "v"), event("a"), event("f")]) == [None, True, None, None]
    assert logged(store) == [("b", "v"), ("e", "v")]
    assert store.user("u") == User("u", {"age": 3.0}, NO)


def test_consent_given_again_counts_from_then_on(store: Store) -> None:
    store.append([event("a")])
    store.put_users([User("u", consent=NO)])
    withdrawn = store.identity("u")
    store.put_users([User("u", consent={"personalisation": True})])
    assert store.identity("u") == withdrawn._replace(is_personal=True)
    assert store.append([event("a"), event("b")]) == [True, True]
    assert ids_of(store, "u", after_seq=withdrawn.forgotten_seq) == ["a", "b"]
    store.put_users([User("u", consent=NO)])
    assert store.identity("u").forgotten_seq > withdrawn.forgotten_seq


def test_owners_of_events_are_named_once_and_in_order(store: Store) -> None:
    store.append([event(f"{user_id}-{n}", user_id) for user_id in ("v", "é", "a", "gone", "u", "V") for n in range(3)])
    store.merge_users("v", "u")
    store.erase_user("gone")
    store.put_users([User("record only"), User("a", consent=NO)])
    assert list(store.event_owner_ids()) == ["V", "u", "é"]


def test_owners_of_more_events_than_a_page_are_all_named(store: Store) -> None:
    names = [f"{n:05d}" for n in range(10_001)]
    store.append([event(name, name) for name in names])
    store.append([event("x", "00000")])
    assert list(store.event_owner_ids()) == names


def test_refused_marketing_alone_keeps_all_events(store: Store) -> None:
    store.put_users([User("u", consent={"marketing": False})])
    assert store.append([event("a")]) == [True]
    assert store.identity("u").is_personal


def test_no_seq_is_given_twice(store: Store) -> None:
    store.append([event("a", "v"), event("b"), event("c")])
    last = store.head()
    store.erase_user("u")
    assert store.head() > last
    head = store.head()
    store.append([event("d", "w"), event("e", "w")])
    assert store.user_head("w") == store.head() == head + 2
    assert [event_id for event_id, _ in logged(store)] == ["a", "d", "e"]


def test_an_erased_customer_is_gone_and_the_same_id_is_new_later(store: Store) -> None:
    store.append([event("a"), event("b", "v")])
    store.put_users([User("u", {"name": "Ann"}, NO), User("v")])
    store.put_users([User("u", {"name": "Ann"})])
    store.append([event("c")])
    receipt = store.erase_user("u")
    assert receipt.counts == {"events": 1, "records": 1, "ids": 1}
    assert store.receipt(receipt.receipt_id) == receipt
    assert (store.user("u"), store.user_events("u"), store.merged_ids("u")) == (None, [], [])
    assert store.identity("u") == Identity("u", True, receipt.seq, receipt.seq)
    assert store.append([event("c", at_ms=receipt.at_ms + 1)]) == [True]
    assert ids_of(store, "u", after_seq=receipt.seq) == ["c"]


def test_erasing_somebody_unknown_still_gives_a_receipt(store: Store) -> None:
    receipt = store.erase_user("nobody")
    assert receipt.counts == {"events": 0, "records": 0, "ids": 1}
    assert receipt.digest == store.digest("nobody").hex() != store.digest("somebody").hex()
    assert store.receipt("none such") is None


def test_tombstones_are_in_order_and_hold_digests(opened: OpenStore) -> None:
    first, second = opened(), opened()
    receipt = first.erase_user("u")
    first.put_users([User("v", consent=NO)])
    tombstones = second.tombstones_since(0)
    assert [(tombstone.digest, tombstone.state) for tombstone in tombstones] == [
        (first.digest("u"), "erased"),
        (second.digest("v"), "withdrawn"),
    ]
    assert abs(tombstones[0].at_ms - receipt.at_ms) < 1_000
    assert second.tombstones_since(receipt.seq) == tombstones[1:]


def test_tombstones_that_no_release_needs_are_dropped_except_the_last(store: Store) -> None:
    for user in "uvw":
        store.erase_user(user)
    tombstones = store.tombstones_since(0)
    store.drop_tombstones(tombstones[1].seq)
    assert store.tombstones_since(0) == tombstones[2:]
    store.drop_tombstones(store.head() + 9)
    assert store.tombstones_since(0) == tombstones[2:]
    assert store.head() == tombstones[2].seq


def test_events_of_a_merged_visitor_belong_to_the_customer(opened: OpenStore) -> None:
    first, second = opened(), opened()
    first.append([event("a", "visitor", 3), event("b", "customer", 2), event("c", "visitor", 1)])
    before = first.head()
    receipt = first.merge_users("visitor", "customer")
    assert receipt is not None
    assert receipt.counts == {"events": 2, "not_kept": 0}
    assert second.identity("visitor") == second.identity("customer")
    assert second.identity("customer").head > before
    assert ids_of(second, "customer") == ["c", "b", "a"]
    assert sorted(ids_of(second, "customer", after_seq=before)) == ["a", "c"]
    assert ids_of(second, "visitor") == []
    assert {user for _, user in logged(second)} == {"customer"}


def test_merging_again_changes_nothing_and_later_events_count_for_the_customer(store: Store) -> None:
    store.append([event("a", "visitor")])
    store.merge_users("visitor", "customer")
    head = store.head()
    assert store.merge_users("visitor", "customer") is None
    assert store.merge_users("customer", "visitor") is None
    assert store.head() == head
    assert store.append([event("a", "visitor"), event("b", "visitor")]) == [False, True]
    assert store.append([event("a", "customer"), event("b", "other")]) == [False, Conflict(("user_id",))]
    assert ids_of(store, "customer") == ["a", "b"]


def test_a_chain_of_merges_ends_at_one_customer(store: Store) -> None:
    store.append([event(name, name) for name in ("a", "b", "c")])
    store.merge_users("a", "b")
    store.merge_users("b", "c")
    assert {store.identity(name).owner_id for name in "abc"} == {"c"}
    assert store.merged_ids("c") == ["a", "b"]
    assert sorted(ids_of(store, "c")) == ["a", "b", "c"]


def test_a_visitor_of_one_customer_cannot_become_another(store: Store) -> None:
    store.merge_users("visitor", "customer")
    with pytest.raises(BadInput, match="give a visitor a new id after a log-out") as refused:
        store.merge_users("visitor", "another")
    assert "customer'" not in str(refused.value), "whose it is, is nobody's business"
    with pytest.raises(BadInput, match="name two ids"):
        store.merge_users("customer", "customer")


def test_attributes_fill_gaps_and_consent_is_never_taken_over(store: Store) -> None:
    store.put_users([User("visitor", {"age": "1", "town": "Ulm"}, {"marketing": True}), User("customer", {"age": "2"})])
    store.merge_users("visitor", "customer")
    assert list(store.users()) == [User("customer", {"age": "2", "town": "Ulm"})]
    store.put_users([User("visitor", {"age": "9"})])
    assert list(store.users()) == [User("customer", {"age": "2", "town": "Ulm"})]
    store.put_users([User("other", {"x": "y"}, {"marketing": True})])
    store.merge_users("other", "empty")
    assert store.user("empty") == User("empty", {"x": "y"})


def test_nothing_is_kept_of_a_visitor_whose_customer_does_not_consent(store: Store) -> None:
    store.put_users([User("customer", consent=NO)])
    store.append([event("a", "visitor")])
    receipt = store.merge_users("visitor", "customer")
    assert receipt is not None
    assert receipt.counts == {"events": 0, "not_kept": 1}
    assert store.append([event("b", "visitor"), event("c", "customer")]) == [None, None]
    assert not store.identity("visitor").is_personal
    assert logged(store) == []


def test_the_consent_of_a_customer_holds_for_their_visits_too(store: Store) -> None:
    store.merge_users("visitor", "customer")
    store.put_users([User("customer", consent=NO)])
    assert store.append([event("a", "visitor")]) == [None]
    store.put_users([User("customer")])
    assert store.append([event("a", "visitor")]) == [True]
    assert ids_of(store, "customer") == ["a"]


@pytest.mark.parametrize("named", ["visitor", "customer"])
def test_erasing_one_of_two_merged_ids_erases_both(store: Store, named: str) -> None:
    store.append([event("a", "visitor"), event("b", "customer")])
    store.put_users([User("customer", {"x": "y"})])
    store.merge_users("visitor", "customer")
    receipt = store.erase_user(named)
    assert receipt.counts == {"events": 2, "records": 1, "ids": 2}
    assert receipt.digest == store.digest("customer").hex()
    assert logged(store) == []
    assert [store.identity(name).owner_id for name in ("visitor", "customer")] == ["visitor", "customer"]
    assert min(store.identity(name).forgotten_seq for name in ("visitor", "customer")) > 0


def test_all_events_of_a_customer_come_page_by_page(store: Store) -> None:
    store.append([event(f"{n:05}", "uv"[n % 2]) for n in range(20_010)])
    pages = list(store.event_pages("u"))
    assert [len(page) for page in pages] == [*[1_000] * 10, 5]
    assert [event.event_id for page in pages for event in page] == [f"{n:05}" for n in range(0, 20_010, 2)]


def test_the_activity_of_a_customer_has_the_events_as_columns(store: Store) -> None:
    bought = event("a", "u")._replace(price=2.5, quantity=3.0, order_id="o", discount=0.5, request_id="r")
    store.append([bought, event("b", "v"), event("c", "u")])
    activity = store.user_activity("u")
    assert activity == Activity.from_events([bought, event("c", "u")])
    assert activity.where([True, False]).events() == [bought._replace(event_id="", user_id="", channel=None)]
    assert store.user_activity("nobody") == Activity.from_events([])


class NaiveStore:
    """The same contract over plain dictionaries."""

    def __init__(self) -> None:
        self.events: dict[str, str] = {}
        self.into: dict[str, str] = {}
        self.refuses: set[str] = set()

    def owner(self, user: str) -> str:
        return self.owner(self.into[user]) if user in self.into else user

    def append(self, event_id: str, user: str) -> AppendResult:
        owner = self.owner(user)
        if owner in self.refuses:
            return None
        if event_id in self.events:
            return False if self.events[event_id] == owner else Conflict(("user_id",))
        self.events[event_id] = owner
        return True

    def drop(self, *users: str) -> None:
        self.events = {event_id: owner for event_id, owner in self.events.items() if owner not in users}

    def consent(self, user: str, says: bool) -> None:
        if user in self.into:
            return
        if says:
            self.refuses.discard(user)
        else:
            self.refuses.add(user)
            self.drop(user)

    def merge(self, from_id: str, into_id: str) -> None:
        owner = self.owner(into_id)
        if from_id == into_id or self.owner(from_id) == owner or from_id in self.into:
            return
        self.events = {event_id: owner if user == from_id else user for event_id, user in self.events.items()}
        self.into[from_id] = owner
        self.refuses.discard(from_id)
        if owner in self.refuses:
            self.drop(owner)

    def erase(self, user: str) -> None:
        owner = self.owner(user)
        group = [member for member in "abcd" if self.owner(member) == owner]
        self.drop(*group)
        for member in group:
            self.into.pop(member, None)
            self.refuses.discard(member)


USERS = st.sampled_from("abcd")
ACTIONS = st.one_of(
    st.tuples(st.just("append"), st.sampled_from([f"e{n}" for n in range(8)]), USERS),
    st.tuples(st.just("consent"), USERS, st.booleans()),
    st.tuples(st.just("merge"), USERS, USERS),
    st.tuples(st.just("erase"), USERS, USERS),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ACTIONS, max_size=12))
def test_after_any_actions_events_are_where_the_naive_store_has_them(
    tmp_path_factory: pytest.TempPathFactory, actions: list[tuple[str, str, str | bool]]
) -> None:
    store, twin = open_store(tmp_path_factory.mktemp("store"), None), NaiveStore()
    for action, first, second in actions:
        head = store.head()
        if action == "append":
            assert store.append([event(first, str(second), at_ms=NEVER_ERASED)]) == [twin.append(first, str(second))]
        elif action == "consent":
            store.put_users([User(first, consent={"personalisation": bool(second)})])
            twin.consent(first, bool(second))
        elif action == "merge":
            with suppress(BadInput):
                store.merge_users(first, str(second))
            twin.merge(first, str(second))
        else:
            store.erase_user(first)
            twin.erase(first)
        assert store.head() >= head
        assert dict(logged(store)) == twin.events
        assert {user: store.identity(user).owner_id for user in "abcd"} == {user: twin.owner(user) for user in "abcd"}
    store.close()


def test_a_record_of_a_merged_id_changes_nothing(store: Store) -> None:
    store.merge_users("visitor", "customer")
    store.put_users([User("customer", consent=NO)])
    store.put_users([User("visitor", consent={"personalisation": True})])
    assert store.append([event("a", "visitor")]) == [None]
    assert store.identity("visitor").owner_id == "customer"


def test_concurrent_changes_are_all_kept(store: Store) -> None:
    with ThreadPoolExecutor(4) as threads:
        changes = [UserChange("u", {f"n{n}": float(n)}) for n in range(20)]
        list(threads.map(lambda change: store.change_users([change]), changes))
    user = store.user("u")
    assert user is not None
    assert user.attributes == {f"n{n}": float(n) for n in range(20)}


def test_changes_apply_in_order_and_to_the_customer_of_a_merged_id(store: Store) -> None:
    store.merge_users("visitor", "customer")
    changed = store.change_users(
        [
            UserChange("customer", {"a": "1", "b": "2"}, {"marketing": True}),
            UserChange("visitor", {"a": None}, {"marketing": None, "personalisation": True}),
            UserChange("customer", {"c": "3"}, is_whole=True),
        ]
    )
    assert changed[-1] == store.user("customer") == User("customer", {"c": "3"}, {"personalisation": True})
    assert [user.attributes for user in changed] == [{"a": "1", "b": "2"}, {"b": "2"}, {"c": "3"}]
    assert store.user("visitor") is None


def test_a_receipt_names_the_log_of_its_number(store: Store) -> None:
    before = store.lineage().log_id
    assert store.erase_user("u").log_id == before
    store.draw_identity("restored", before=before)
    assert store.erase_user("u").log_id == store.lineage().log_id != before
