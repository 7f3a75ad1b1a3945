"""Content of a report on ranked lists: figures and facts, without sentences and charts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from eval.scoring.user_samples import UserSample
from eval.stats.bootstrap import Estimate
from eval.stats.paired import ComparisonVerdict

Role = Literal["ours", "model", "baseline"]
Cell = str | float


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """A paired difference in items of a list of k, over the same customers: above 0 the first of the two is ahead."""

    estimate: Estimate
    verdict: ComparisonVerdict
    n_customers: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """Catalogue coverage of a list: how many items are shown to anybody, and how many there are.

    n_half: the smallest number of items that fill half of all places; None where that is not known.
    gini: 0 where every item gets as many places as any other, 1 where one item gets all of them.
    """

    n_shown: int
    n_items: int
    n_half: int | None
    gini: float = float("nan")


@dataclass(frozen=True, slots=True)
class ReportedList:
    """One list.  title: its name for a reader.  None where a figure is not known.

    hits: items of a list of k that were bought; repeat_hits: those the customer had before; new_hits: those they had
    not; hit_rate: share of customers with at least one; revenue_recall: share of the money spent; leads: its paired
    difference to each baseline, by the baseline's name.
    """

    name: str
    title: str
    role: Role
    hits: Estimate
    repeat_hits: Estimate | None = None
    new_hits: Estimate | None = None
    hit_rate: Estimate | None = None
    revenue_recall: Estimate | None = None
    coverage: Coverage | None = None
    leads: Mapping[str, PairedDifference] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReportedGroup:
    """A group of customers: the hits of our list, the hits of the rival, and the paired difference."""

    family: str
    title: str
    ours: Estimate
    rival: Estimate
    lead: PairedDifference


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What the evaluation left out: `count` of `total`, and why.  is_by_rule: it carries no information.

    total: 0 where that is not known.
    """

    what: str
    why: str
    count: int
    total: int
    is_by_rule: bool = False


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A table of figures for readers who check them: every row is as long as the columns."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class ListLabel:
    """Names of one of the two compared lists: in a legend, for one list, for the lists of all customers."""

    legend: str
    singular: str
    plural: str


@dataclass(frozen=True, slots=True)
class Wording:
    """Words of this evaluation: "products" that "were bought" "in the next four weeks"; a customer "bought" them.

    rival_items: what stands after "of 10" for the items of the rival's list.
    """

    noun: str = "products"
    participle: str = "bought"
    past_tense: str = "bought"
    period: str = "in the next four weeks"
    ours: ListLabel = ListLabel("personal list", "the personal list", "personal lists")
    rival: ListLabel = ListLabel("best-sellers", "the best-sellers", "the best-sellers")
    rival_items: str = "best-sellers"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRecord:
    """What a page of any evaluation shows below its verdict.  figures, data: the same figures for a machine."""

    facts: Mapping[str, str]
    exclusions: Sequence[Exclusion]
    tables: Sequence[ReportTable]
    figures: ReportTable
    settings: Mapping[str, Mapping[str, Any]]
    data: Mapping[str, Any]
    run_id: str
    made_at: str
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingReport(EvaluationRecord):
    """Everything that the page of an evaluation of lists shows.

    ours, rival, best_baseline: names of entries of `lists`.
    discovery_lists: lists that show only items new to the customer, where they were evaluated; discovery_ours and
    discovery_rival: names among them.
    family_notes: what the groups of a family have in common, where the family's name does not say it.
    without_keenest: our lead over the best-sellers without the twentieth of the customers for whom it is largest.
    lead_by_window: our lead over the rival in each window, where there are several, by the window's title.
    best_sellers: the name of the list that every list should beat.
    samples: some customers with our list and the rival's.
    is_picked: ours is the list that did best here, not the list that is served.
    """

    title: str
    wording: Wording
    k: int
    lists: Sequence[ReportedList]
    ours: str
    rival: str
    best_baseline: str
    n_customers: int
    groups: Sequence[ReportedGroup]
    n_groups_hidden: int = 0
    warnings: Sequence[str] = ()
    repeat_share: float | None = None
    discovery_lists: Sequence[ReportedList] = ()
    discovery_ours: str = ""
    discovery_rival: str = ""
    best_sellers: str = "best-sellers"
    is_picked: bool = False
    family_notes: Mapping[str, str] = field(default_factory=dict)
    without_keenest: PairedDifference | None = None
    lead_by_window: Mapping[str, PairedDifference] = field(default_factory=dict)
    samples: Sequence[UserSample] = ()

    def list_named(self, name: str) -> ReportedList:
        """The list of that name.  Raises KeyError when there is none."""
        return {entry.name: entry for entry in self.lists}[name]

    def discovery_list(self, name: str) -> ReportedList | None:
        """The list of new items of that name."""
        return {entry.name: entry for entry in self.discovery_lists}.get(name)
