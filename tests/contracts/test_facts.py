"""Facts in every store: the contract of events for what happens to a person and not to an item."""

import sqlite3
from pathlib import Path

import pytest

from recsys.data.entities import User, UserChange
from recsys.data.facts import Fact, FactKind
from recsys.data.store.base import Store
from recsys.data.store.identity import Conflict
from recsys.errors import BadEvent

SEARCH, CONSENT = int(FactKind.SEARCH), int(FactKind.CONSENT)


def search(fact_id: str, user_id: str = "u", at_ms: int = 1, value: float = 0, text: str = "oat milk") -> Fact:
    return Fact(fact_id, user_id, SEARCH, at_ms, value, text, channel="web")


def consent(fact_id: str, value: float | None, at_ms: int, channel: str | None = None, user_id: str = "u") -> Fact:
    return Fact(fact_id, user_id, CONSENT, at_ms, value, "till", "marketing", channel)


def test_a_fact_is_stored_once_and_another_one_with_its_id_is_a_conflict(store: Store) -> None:
    full = Fact("a", "u", FactKind.SURVEY, 5, 9.1, "fine", "nps", "email")
    assert store.add_facts([full, search("b", at_ms=3)]) == [True, True]
    assert store.add_facts([full, full._replace(text=None), full._replace(value=0.1, ref="csat")]) == [
        False,
        False,
        Conflict(("value", "ref"), "fact"),
    ]
    assert store.add_facts([search("c", value=1), search("c"), search("c", value=1)]) == [
        True,
        Conflict(("value",), "fact"),
        False,
    ]
    assert store.user_facts("u") == [search("c", value=1), search("b", at_ms=3), full]
    assert store.user_facts("u", newest=1) == [full]
    assert "fact_id: another fact with this id" in str(Conflict(("value",), "fact"))


@pytest.mark.parametrize(
    "wrong",
    [{"text": "x" * 501}, {"value": float("inf")}, {"kind": 99}, {"ref": "\0"}, {"user_id": ""}, {"at_ms": 2**63}],
)
def test_a_fact_that_cannot_be_kept_is_refused_by_name_and_nothing_is_stored(
    store: Store, wrong: dict[str, object]
) -> None:
    with pytest.raises(BadEvent, match=next(iter(wrong))):
        store.add_facts([search("a"), search("b")._replace(**wrong)])  # type: ignore[arg-type]
    assert store.user_facts("u") == []


def test_without_consent_only_statements_of_consent_are_kept(store: Store) -> None:
    store.add_facts([search("a"), consent("yes", 1, 2)])
    store.change_users([UserChange("u", consent={"personalisation": False}, at_ms=3)])
    assert store.add_facts([search("b"), consent("no", 0, 4)]) == [None, True]
    assert [fact.kind for fact in store.user_facts("u")] == [CONSENT] * 3
    user = store.user("u")
    assert user is not None
    assert user.consent == {"personalisation": False, "marketing": False}


def test_facts_of_a_visitor_follow_the_customer_and_an_erasure_finds_them_all(store: Store) -> None:
    store.add_facts([search("a", "visitor"), search("b", "u"), consent("c", 0, 1, user_id="visitor")])
    store.add_facts([Fact("r", "friend", FactKind.REFERRAL, 1, ref="visitor")])
    receipt = store.merge_users("visitor", "u")
    assert receipt is not None
    assert receipt.counts == {"events": 0, "not_kept": 0, "facts": 1}
    assert store.add_facts([search("a", "visitor"), search("d", "visitor", 7)]) == [False, True]
    assert [(fact.fact_id, fact.user_id) for fact in store.user_facts("u")] == [("a", "u"), ("b", "u"), ("d", "u")]
    assert store.user("u") == User("u"), "a visitor's consent is not the customer's"
    receipt = store.erase_user("u")
    assert receipt.counts == {"events": 0, "records": 1, "ids": 2, "facts": 4}
    assert [fact for page in store.fact_pages() for fact in page] == [Fact("r", "friend", FactKind.REFERRAL, 1)]
    assert store.add_facts([search("late", "visitor", 8), consent("late", 1, 9)]) == [None, None]


def test_the_newest_statement_counts_for_each_purpose_and_channel_in_whatever_order_they_come(store: Store) -> None:
    store.add_facts([consent("a", 1, 50), consent("b", 0, 20), consent("c", 0, 30, "sms"), consent("d", 1, 10, "sms")])
    user = store.user("u") or User("u")
    assert user.consent == {"marketing": True, "marketing/sms": False}
    assert [user.answer("marketing", channel) for channel in (None, "email", "sms")] == [True, True, False]
    (after,) = store.change_users([UserChange("u", consent={"marketing": False}, at_ms=40, source="old form")])
    assert after.consent == user.consent, "a later answer is known"
    (after,) = store.change_users([UserChange("u", consent={"marketing": None, "marketing/sms": True}, source="page")])
    assert after.consent == {"marketing/sms": True}
    history = [(fact.ref, fact.channel, fact.value, fact.text) for fact in store.user_facts("u")]
    assert history[-2:] == [("marketing", None, None, "page"), ("marketing", "sms", 1.0, "page")]
    assert ("marketing", None, 0.0, "old form") in history


def test_an_answer_that_is_given_again_without_a_source_is_no_new_statement(store: Store) -> None:
    for _ in range(2):
        store.change_users([UserChange("u", consent={"marketing": True})])
    assert len(store.user_facts("u")) == 1


def test_a_refused_purpose_refuses_every_channel() -> None:
    user = User("u", consent={"marketing": False, "marketing/email": True})
    assert user.answer("marketing", "email") is False
    assert User("u").answer("marketing", "email") is None


def test_facts_older_than_they_are_kept_go_and_proofs_of_consent_stay(store: Store) -> None:
    store.add_facts([search("a", at_ms=1), search("b", at_ms=9), consent("c", 1, 1)])
    assert store.count_aged_facts(9) == store.delete_aged_facts(9) == 1
    assert [fact.fact_id for fact in store.user_facts("u")] == ["c", "b"]


def test_sums_of_coupons_stay_when_their_facts_go_and_their_codes_do_not(store: Store) -> None:
    coupon = Fact("a", "erased", FactKind.COUPON, 5, 2.5, "redeemed", "TEA10")
    given = coupon._replace(fact_id="g", user_id="aged", at_ms=1, value=None, text="given")
    others = [coupon._replace(fact_id=who, user_id=who) for who in ("refuses", "stays")]
    store.add_facts([coupon, coupon._replace(fact_id="b", value=None), given, *others])
    store.add_facts([coupon._replace(fact_id="c", ref="of-erased")])

    def sums() -> set[tuple[str, int, float, int]]:
        totals = store.coupon_totals(["TEA10"])
        by_what = {what: [row for row in totals if row.what == what] for what in ("given", "redeemed")}
        return {
            (what, sum(row.n for row in rows), sum(row.money for row in rows), sum(row.without_money for row in rows))
            for what, rows in by_what.items()
        }

    before = sums()
    assert before == {("given", 1, 0.0, 1), ("redeemed", 4, 7.5, 1)}
    store.erase_user("erased")
    store.change_users([UserChange("refuses", consent={"personalisation": False}, at_ms=9)])
    assert store.delete_aged_facts(3) == 1
    assert sums() == before
    assert store.coupon_totals(["of-erased"])[0].n == 1
    assert [fact.user_id for page in store.fact_pages() for fact in page if fact.kind == FactKind.COUPON] == ["stays"]
    assert "of-erased" not in repr(store._read_page("SELECT * FROM deleted_coupons"))


def test_searches_without_a_result_and_last_scores_are_counted(store: Store) -> None:
    store.add_facts([search("a"), search("b", "v", text=" Oat Milk "), search("c", value=3), search("d", text="tofu")])
    scores = [("nps", "u", 1, 0), ("nps", "u", 2, 10), ("nps", "v", 1, 7), ("csat", "u", 1, 4), ("nps", "w", 99, 1)]
    store.add_facts([Fact(f"s{n}", u, FactKind.SURVEY, at, s, None, ref) for n, (ref, u, at, s) in enumerate(scores)])
    assert store.vain_searches(0, 50, 10) == [("oat milk", 2, 2), ("tofu", 1, 1)]
    assert store.vain_searches(0, 50, 1) == [("oat milk", 2, 2)]
    assert store.survey_scores(0, 50) == {"csat": {4: 1}, "nps": {7: 1, 10: 1}}


def test_customers_with_a_message_since_a_moment_are_known(store: Store) -> None:
    times = {"a": ("u", 5), "b": ("u", 9), "c": ("v", 4), "d": ("w", 9)}
    facts = [Fact(name, user, FactKind.MESSAGE, at, text="sent", ref="c1") for name, (user, at) in times.items()]
    store.add_facts([*facts, search("e", "x", at_ms=9)])
    assert store.contacted_since(5) == {"u", "w"}


def test_referrals_and_nps_answers_are_read_by_time(store: Store) -> None:
    friend, promoter, other = (
        Fact("r", "u", FactKind.REFERRAL, 5, ref="friend"),
        Fact("n", "u", FactKind.SURVEY, 3, 9.0, ref="nps"),
        Fact("o", "v", FactKind.SURVEY, 4, 2.0, ref="nps"),
    )
    store.add_facts([friend, promoter, other, Fact("c", "u", FactKind.SURVEY, 1, 5.0, ref="csat"), search("s")])
    assert store.recommendation_facts() == [promoter, other, friend]
    assert store.recommendation_facts("u") == [promoter, friend]


def test_consent_of_an_earlier_build_gets_a_date_when_its_log_is_opened(tmp_path: Path) -> None:
    from recsys.data.store.sqlite import SqliteStore

    file = tmp_path / "shop.db"
    store = SqliteStore(file)
    store.put_users([User("u", {"a": 1.0}, {"marketing": False, "personalisation": True}), User("v")])
    store.close()
    with sqlite3.connect(file) as connection:
        connection.executescript(
            "DROP TABLE facts; DROP TABLE sent_as; DROP TABLE merges; DROP TABLE campaigns; DROP TABLE audit;"
            "DROP TABLE campaign_members; DROP TABLE deleted_coupons; DROP TABLE key_uses;"
            "PRAGMA user_version=10;"
        )
    store = SqliteStore(file)
    history = {fact.ref: fact.value for fact in store.user_facts("u")}
    assert history == {"marketing": 0.0, "personalisation": 1.0}
    assert store.add_facts([consent("older", 1, 1)]) == [True]
    user = store.user("u")
    assert user is not None
    assert user.consent["marketing"] is False
    store.close()
