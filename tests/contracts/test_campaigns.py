"""Campaigns in every store: a draw counts at once and for ever, and whoever is erased is no member any more."""

from collections.abc import Sequence

import pytest

from recsys.data.entities import User, UserChange
from recsys.data.facts import Fact, FactKind
from recsys.data.store.base import Store
from recsys.data.store.campaigns.records import (
    Arm,
    CampaignMember,
    CampaignRecord,
    Contact,
    Mailing,
    Membership,
    MessageReport,
)
from recsys.errors import CampaignChanged

T, C = Arm.TREATED, Arm.CONTROL
START_MS = 1_000_000


def record(campaign_id: str = "c1", document: str = "{}", starts_ms: int = START_MS) -> CampaignRecord:
    return CampaignRecord(campaign_id, "draft", starts_ms, 0, document)


def draw(store: Store, arms: dict[str, Arm], campaign_id: str = "c1", *, starts_ms: int = START_MS) -> None:
    store.put_campaign(record(campaign_id, starts_ms=starts_ms), before=None)
    store.begin_draw(campaign_id, "token", "{}")
    rows = [(campaign_id, user_id, arm, 7, "loyal") for user_id, arm in arms.items()]
    store.add_members(rows, token="token", log_seq=store.head())
    assert store.finish_draw(campaign_id, "token", '{"n": 1}', last_draw=store.last_draw())


def members(store: Store, campaign_id: str = "c1") -> list[tuple[str, Arm]]:
    return [(member.user_id, member.arm) for page in store.member_pages(campaign_id) for member in page]


def message(fact_id: str, at_ms: int, text: str = "sent", ref: str = "c1", user_id: str = "u") -> Fact:
    return Fact(fact_id, user_id, FactKind.MESSAGE, at_ms, None, text, ref, "email")


def test_a_campaign_is_replaced_only_by_whoever_read_it_last(store: Store) -> None:
    store.put_campaign(record(), before=None)
    with pytest.raises(CampaignChanged, match="'c1' was changed"):
        store.put_campaign(record(document='{"b": 2}'), before=None)
    store.put_campaign(record(document='{"a": 1}', starts_ms=5), before="{}")
    with pytest.raises(CampaignChanged):
        store.put_campaign(record(document='{"c": 3}'), before="{}")
    assert store.campaign("c1") == CampaignRecord("c1", "draft", 5, 0, '{"a": 1}')
    assert store.campaign("other") is None
    store.put_campaign(record("c2"), before=None)
    assert [each.campaign_id for each in store.campaigns()] == ["c2", "c1"]


def test_a_draw_counts_once_it_is_finished(store: Store) -> None:
    store.put_campaign(record(), before=None)
    store.begin_draw("c1", "token", "{}")
    store.add_members([("c1", "u", T, 9, "loyal")], token="token", log_seq=0)
    assert (members(store), store.memberships("u"), list(store.planned_contacts(0, 2**41))) == ([], [], [])
    assert store.finish_draw("c1", "token", '{"n": 1}', last_draw=0)
    assert list(store.member_pages("c1")) == [[CampaignMember("u", "u", T, 9, "loyal")]]
    assert store.memberships("u") == [Membership("c1", T, "drawn", START_MS)]
    assert store.campaign("c1") == CampaignRecord("c1", "drawn", START_MS, 1, '{"n": 1}')
    with pytest.raises(CampaignChanged):
        store.begin_draw("c1", "again", '{"n": 1}')


def test_of_two_draws_at_once_the_second_is_worked_out_anew(store: Store) -> None:
    for name in ("c1", "c2"):
        store.put_campaign(record(name), before=None)
        store.begin_draw(name, name, "{}")
        store.add_members([(name, "u", T, 1, "")], token=name, log_seq=0)
    assert store.finish_draw("c1", "c1", "{}", last_draw=0)
    assert not store.finish_draw("c2", "c2", "{}", last_draw=0)
    assert (store.last_draw(), members(store, "c2")) == (1, [])
    store.begin_draw("c2", "anew", "{}")
    assert store.finish_draw("c2", "anew", "{}", last_draw=1)
    assert members(store, "c2") == [], "what the first try wrote is gone"


def test_a_draw_that_another_one_of_the_same_campaign_replaced_writes_nothing_more(store: Store) -> None:
    store.put_campaign(record(), before=None)
    store.begin_draw("c1", "first", "{}")
    store.begin_draw("c1", "second", "{}")
    with pytest.raises(CampaignChanged):
        store.add_members([("c1", "u", T, 1, "")], token="first", log_seq=0)
    with pytest.raises(CampaignChanged):
        store.finish_draw("c1", "first", "{}", last_draw=0)


@pytest.mark.parametrize("is_erased", [True, False])
def test_who_is_erased_or_refuses_is_no_member_even_of_a_draw_that_goes_on(store: Store, is_erased: bool) -> None:
    store.put_users([User("u"), User("v"), User("w")])
    draw(store, {"u": T, "v": C})
    store.put_campaign(record("c2"), before=None)
    store.begin_draw("c2", "token", "{}")
    head = store.head()
    if is_erased:
        assert store.erase_user("u").counts["campaigns"] == 1
    else:
        store.change_users([UserChange("u", consent={"personalisation": False})])
    store.add_members([("c2", user_id, T, 1, "") for user_id in "uvw"], token="token", log_seq=head)
    assert store.finish_draw("c2", "token", "{}", last_draw=1)
    assert members(store) == [("v", C)]
    assert members(store, "c2") == [("v", T), ("w", T)]
    assert store.memberships("u") == []
    assert "u" not in [*store.known_ids()] or not is_erased


def test_merged_members_stand_under_the_customer_with_the_arm_that_each_drew(store: Store) -> None:
    draw(store, {"a": T, "b": C, "c": T})
    store.merge_users("b", "a")
    store.merge_users("c", "elsewhere")
    assert members(store) == [("a", T), ("a", C), ("elsewhere", T)]
    assert [each.arm for each in store.memberships("a")] == [C, T] or [e.arm for e in store.memberships("a")] == [T, C]
    store.unmerge_user("b")
    assert members(store) == [("a", T), ("b", C), ("elsewhere", T)]
    store.merge_users("b", "a")
    store.erase_user("a")
    assert members(store) == [("elsewhere", T)]


def test_contacts_are_the_planned_ones_and_each_message(store: Store) -> None:
    draw(store, {"u": T, "v": C}, starts_ms=100)
    assert [*store.planned_contacts(99, 101)] == [Contact("u", "c1", 100)]
    assert [*store.planned_contacts(100, 200)] == [] == [*store.planned_contacts(0, 100)]
    reports: Sequence[Fact] = [
        message("a", 50),
        message("b", 60, "opened"),
        message("c", 70),
        message("d", 80, "delivered", ref="other"),
        message("e", 90, "opened", ref="other"),
    ]
    store.add_facts(reports)
    found = sorted(store.messages_between(0, 1_000), key=lambda contact: contact.at_ms)
    assert found == [Contact("u", "c1", 50), Contact("u", "c1", 70), Contact("u", "other", 80)]
    assert store.messages_between(80, 90) == []


def test_what_became_of_a_message_counts_once_for_each_customer(store: Store) -> None:
    store.add_facts(
        [
            message("f1", 300, "opened"),
            message("f2", 200),
            message("f3", 100, "opened"),
            message("f4", 50, ref="c2"),
            message("f5", 400, user_id="v"),
        ]
    )
    assert store.message_reports("c1") == [
        MessageReport("u", "opened", 100),
        MessageReport("u", "sent", 200),
        MessageReport("v", "sent", 400),
    ]
    assert store.message_reports("c3") == []


def test_a_campaign_without_a_plan_is_known_by_its_messages(store: Store) -> None:
    store.put_campaign(record("planned"), before=None)
    store.add_facts([message(f"m{n}", 10 + n, ref="old", user_id=f"u{n % 2}") for n in range(3)])
    store.add_facts([message("n", 50, ref="newer"), message("p", 60, ref="planned")])
    assert store.mailings() == [Mailing("newer", "email", 50, 1), Mailing("old", "email", 10, 2)]
