"""Reminders: of every customer at most one need a week, of those who may be written to now."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from recsys.customers.prediction.scored import NOT_LEARNT
from recsys.data.guests import PREFIX
from recsys.data.store.base import Store
from recsys.data.store.consent import ConsentCheck, known_user, marketing_consent
from recsys.errors import NotEnoughData
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.ranking.reminders.customer_needs import needs_of_query
from recsys.ranking.rules.model import Rule
from recsys.ranking.targeting.needs import (
    NEEDS_PLACEMENT,
    NeedModels,
    NeedOffer,
    Needs,
    as_of_day,
    find_needs,
    need_models,
    need_offer,
    needs_json,
)
from recsys.time_units import DAY_MS

PAGE_CUSTOMERS = 1_000
WEEK_DAYS = 7
QUIET_DAYS = 7.0  # by default as long as the week in which a customer gets one reminder
REFUSED, CONTACTED = "refused", "contacted"  # why a customer with a need gets no reminder


@dataclass(frozen=True, slots=True)
class ReminderPlan:
    """days: horizon.  at_least: lowest chance.  channel: over which consent counts, None for any.

    quiet_days: who got a message in so many days before is left out.
    """

    days: float = 14
    at_least: float = 0.3
    channel: str | None = None
    quiet_days: float = QUIET_DAYS


@dataclass(frozen=True, slots=True)
class ReminderPage:
    """Reminders as JSON types: user_id, then a need as `needs_json` makes it.  n_looked_at: customers so far."""

    reminders: list[dict[str, Any]]
    n_looked_at: int


@dataclass(frozen=True, slots=True)
class Reminders:
    """All reminders as of a moment.  left_out: filled while pages are read, customers by REFUSED and CONTACTED."""

    as_of_ms: int
    n_customers: int
    pages: Iterator[ReminderPage]
    left_out: Counter[str]


def find_reminders(store: Store, recommender: Recommender, plan: ReminderPlan, now_ms: int) -> Reminders:
    """The reminders of the customers of the release, and of those who came since, page by page.

    Of each customer, the strongest need of each week of the horizon in which it is due; an item that rules bury only
    where there is no other.  Left out are orders of guests, who refused marketing (over that channel), and who was
    contacted lately.  Raises NotEnoughData, NoBundle, LogUnavailable.
    """
    engine, models = recommender.engine, need_models(recommender.engine)
    if models is None:
        raise NotEnoughData(f"the live release knows no needs ({NOT_LEARNT}); import purchases, then `recsys train`")
    log_seq = store.watermark(recommender.bundle.manifest).seq
    as_of = as_of_day(engine, now_ms, store.last_event_ms())
    quiet_from_ms = int((as_of - plan.quiet_days) * DAY_MS)
    search = _ReminderSearch(
        store=store,
        recommender=recommender,
        models=models,
        plan=plan,
        now_ms=now_ms,
        as_of=as_of,
        log_seq=log_seq,
        has_consent=marketing_consent(store, log_seq, plan.channel),
        contacted=store.contacted_since(quiet_from_ms) if plan.quiet_days else set(),
        left_out=Counter(),
    )
    return Reminders(int(as_of * DAY_MS), len(engine.users), search.pages(), search.left_out)


@dataclass(frozen=True, slots=True)
class _ReminderSearch:
    """One search through all customers.  as_of: in days.  log_seq: of the last event that the release knows."""

    store: Store
    recommender: Recommender
    models: NeedModels
    plan: ReminderPlan
    now_ms: int
    as_of: float
    log_seq: int
    has_consent: ConsentCheck
    contacted: set[str]
    left_out: Counter[str]

    def pages(self) -> Iterator[ReminderPage]:
        users, (offer, is_for_all) = self.recommender.engine.users, self._offer()
        changed = self._changed_users()
        for first in range(0, len(users), PAGE_CUSTOMERS):
            rows = range(first, min(first + PAGE_CUSTOMERS, len(users)))
            page: list[dict[str, Any]] = []
            needs_by_row = self._needs_by_row(rows, offer)
            for row in rows:
                user_id = users[row]
                if user_id in changed or (row in needs_by_row and not is_for_all):
                    changed.discard(user_id)
                    page += self._of_customer(user_id)
                elif row in needs_by_row:
                    page += self._reminders(user_id, needs_by_row[row])
            yield ReminderPage(page, rows.stop)
        yield ReminderPage([each for user_id in sorted(changed) for each in self._of_customer(user_id)], len(users))

    def _offer(self) -> tuple[NeedOffer, bool]:
        """What all customers may be offered, and whether no further rule is meant for some of them."""
        active = self.recommender.rules.active_at(self.now_ms).at(NEEDS_PLACEMENT)
        rules = [rule for rule in active if rule.kind in ("block", "bury")]
        for_all = [rule for rule in rules if rule.is_for_all]
        return self._need_offer(for_all), len(for_all) == len(rules)

    def _need_offer(self, rules: list[Rule]) -> NeedOffer:
        plan = self.plan
        return need_offer(
            self.recommender.applied_rules, rules, days=plan.days, at_least=plan.at_least, now_ms=self.now_ms
        )

    def _changed_users(self) -> set[str]:
        """Customers with events after those that the release knows."""
        frames = self.store.scan(after_seq=self.log_seq)
        return {user_id for frame in frames for user_id in frame["user_id"].unique().to_list()}

    def _needs_by_row(self, rows: range, offer: NeedOffer) -> dict[int, Needs]:
        """The needs of the customers at these positions as the release knows them, without who has none."""
        histories = replace(self.recommender.engine.histories.take(rows), now=self.as_of)
        return {rows[at]: needs for at, needs in find_needs(self.models, histories, offer).by_customer()}

    def _of_customer(self, user_id: str) -> list[dict[str, Any]]:
        """The reminders of one customer, with their newest events and the rules that hold for them."""
        known = known_user(self.store, user_id, self.log_seq)
        query = Query(self.now_ms, user_id=known.user_id, recent=known.recent, attributes=known.attributes)
        plan = self.plan
        needs = needs_of_query(
            self.recommender, self.models, query, days=plan.days, at_least=plan.at_least, as_of=self.as_of
        )
        return self._reminders(user_id, needs)

    def _reminders(self, user_id: str, needs: Needs) -> list[dict[str, Any]]:
        """One a week, or none where the customer may not be written to."""
        if not len(needs.item) or user_id.startswith(PREFIX):
            return []
        reason = CONTACTED if user_id in self.contacted else None if self.has_consent(user_id) else REFUSED
        if reason is not None:
            self.left_out[reason] += 1
            return []
        weeks = (needs.due - int(needs.now)) // WEEK_DAYS
        first = {week: row for row, week in reversed([*enumerate(weeks.tolist())])}
        chosen = needs.take([first[week] for week in sorted(first)])
        return [{"user_id": user_id, **need} for need in needs_json(chosen, self.recommender.catalogue)]
