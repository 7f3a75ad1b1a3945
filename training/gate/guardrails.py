"""Guardrails of the lists that a release gives: coverage, one item in all of them, answer time, size, and rules."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from eval.backtest.releases import list_name
from eval.backtest.results import Evaluation
from eval.replay import replay
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.ids import MISSING
from recsys.gate.verdict import Check
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.ranking.rules.apply import AppliedRules
from recsys.ranking.rules.model import Rules
from recsys.time_units import DAY_MS
from training.gate.comparison import CHAMPION, LIVE, PUBLISHED
from training.gate.facts import Facts
from training.gate.settings import GateSettings

SLOW_MS, TIMES_SLOWER = 50.0, 2.0  # an answer that takes longer than both is too slow
TIMES_SIZE = 4.0
LIST_LENGTH = 10
MORE_OF_ONE_ITEM, TIMES_ONE_ITEM = 0.2, 2.0  # so many more lists, and times as many, may hold the most frequent item
NEIGHBOURS, FEWEST_ITEMS = 10, 200  # in a smaller catalogue chance alone makes lists alike
ANCHORS = 100  # best-sellers whose neighbours are compared
LEAST_OVERLAP = 0.1  # of the neighbours of an item; two honest trainings share most of them


def list_guardrails(evaluation: Evaluation, settings: GateSettings) -> Iterator[Check]:
    """Of the personal lists of the held-back customers, by the files of both; nothing where no release is live."""
    new, live = (_shelf(evaluation, name) for name in (PUBLISHED, LIVE))
    live = live or _shelf(evaluation, CHAMPION)
    if not new or not live:
        return
    yield _coverage(new["n_shown"], live["n_shown"], settings.least_coverage)
    yield _top_item(new["top_item"], live["top_item"])
    yield _answer_time(new["latency_ms"], live["latency_ms"])


def list_changes(
    new: Recommender, live: Recommender, user_ids: Sequence[str], settings: GateSettings
) -> Iterator[Check]:
    """Coverage and the most frequent item of the lists that these customers get from both releases now."""
    n_items, top_share = [], []
    for recommender in (new, live):
        lists = replay(recommender, recommender.placements["home"], user_ids, LIST_LENGTH).lists
        counts = np.bincount(lists.item[lists.shown])
        n_items.append(int(np.count_nonzero(counts)))
        top_share.append(float(counts.max(initial=0)) / max(1, len(user_ids)))
    yield _coverage(n_items[0], n_items[1], settings.least_coverage)
    yield _top_item(*top_share)


def size_guardrail(new: Facts, live: Facts) -> Check:
    ratio = new["bytes"] / live["bytes"] if live["bytes"] else 1.0
    words = f"{new['bytes'] / 2**20:,.1f} MiB after {live['bytes'] / 2**20:,.1f} MiB"
    is_usual = 1 / TIMES_SIZE <= ratio <= TIMES_SIZE
    return Check(name="size", result="passed" if is_usual else "failed", words=words)


def rules_obeyed(new: Recommender, truth: Catalogue, rules: Rules, user_ids: Sequence[str], now_ms: int) -> Check:
    """No list holds what the catalogue of the shop does not sell at that moment, or what a rule blocks.

    truth: made from the shop's own catalogue, and not from the files that are judged.
    """
    ruled, applied, on_sale = new.with_rules(rules), AppliedRules(rules, truth), truth.on_sale(now_ms / DAY_MS)
    wrong: set[str] = set()
    for placement in ("home", "discover"):
        for user_id in user_ids:
            query = Query(now_ms, placement, LIST_LENGTH, user_id)
            blocked = {
                int(item) for rule in ruled.rules_for(query) if rule.kind == "block" for item in applied.items(rule)
            }
            for item_id in (new.catalogue.item_id(scored.item) for scored in ruled.scored_items(query)):
                place = truth.position(item_id)
                if place != MISSING and (place in blocked or not on_sale[place]):
                    wrong.add(item_id)
    if wrong:
        words = f"lists hold {len(wrong):,} items that are not on sale or that a rule blocks, such as {min(wrong)}"
        return Check(name="rules", result="failed", words=words)
    words = f"lists of {len(user_ids):,} customers hold nothing that is not on sale or that a rule blocks"
    return Check(name="rules", result="passed", words=words)


def neighbours(new: Recommender, live: Recommender) -> Check | None:
    """Whether the items on product pages still go with the item; None for a small catalogue.

    By the best-sellers of the live release: how many of the ten items beside each of them both releases share.
    """
    if min(new.engine.n_items, live.engine.n_items) < FEWEST_ITEMS:
        return None
    order = np.argsort(-live.engine.popularity.weight, kind="stable")[:ANCHORS]
    item_ids = [live.catalogue.item_id(int(item)) for item in order]
    both = [item_id for item_id in item_ids if new.catalogue.position(item_id) != MISSING]
    shared = [len(_similar(new, item_id) & _similar(live, item_id)) / NEIGHBOURS for item_id in both]
    if not shared:
        return Check(name="neighbours", result="failed", words="none of the best-sellers of the live release is known")
    share = float(np.mean(shared))
    words = f"{share:.0%} of the items on product pages stood there before ({len(both)} best-sellers)"
    return Check(name="neighbours", result="passed" if share >= LEAST_OVERLAP else "failed", words=words)


def _similar(recommender: Recommender, item_id: str) -> set[str]:
    at_ms = round(recommender.engine.histories.now * DAY_MS)
    scored = recommender.scored_items(recommender.similar_query(item_id, k=NEIGHBOURS, now_ms=at_ms))
    return {recommender.catalogue.item_id(each.item) for each in scored}


def _shelf(evaluation: Evaluation, name: str) -> Mapping[str, float]:
    """Metrics beyond accuracy of the personal list; empty where there is none."""
    lines = next(task for task in evaluation.tasks if task.name == "all").lines
    return next((line.shelf for line in lines if line.name == list_name("home", name)), {})


def _coverage(new: float, live: float, least: float) -> Check:
    words = f"personal lists show {new:,.0f} items after {live:,.0f}"
    is_enough = new >= least * live
    return Check(name="coverage", result="passed" if is_enough else "failed", words=words)


def _top_item(new: float, live: float) -> Check:
    words = f"the most frequent item stands in {new:.0%} of the personal lists, {live:.0%} before"
    is_usual = new <= max(live + MORE_OF_ONE_ITEM, TIMES_ONE_ITEM * live)
    return Check(name="top item", result="passed" if is_usual else "failed", words=words)


def _answer_time(new: float, live: float) -> Check:
    words = f"a personal list takes {new:.1f} ms after {live:.1f} ms"
    is_slow = new > SLOW_MS and new > TIMES_SLOWER * live
    return Check(name="answer time", result="failed" if is_slow else "passed", words=words)
