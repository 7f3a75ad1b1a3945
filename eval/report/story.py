"""What the page tells, without any words of how: each evaluation fills this in, whatever it calls its own figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from eval.stats.paired import ComparisonVerdict

Role = Literal["ours", "model", "baseline"]
Cell = str | float


@dataclass(frozen=True, slots=True)
class Span:
    """A mean over customers and the ends of its 95 % interval, NaN where there is none."""

    mean: float
    low: float = float("nan")
    high: float = float("nan")


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """A paired difference over the same customers: above 0 the first of the two is ahead.

    unit: "things" of a list of k, or "share" of what the other list achieves, places near the top counting for more.
    """

    span: Span
    verdict: ComparisonVerdict
    n_customers: int
    unit: Literal["things", "share"] = "things"


@dataclass(frozen=True, slots=True)
class ShelfStory:
    """How many products stand in anybody's list, and of how many there are.

    n_half: how few of them fill half of all places; None where that is not known.
    unevenness: 0 where each product gets as many places as any other, 1 where one gets all.
    """

    n_seen: int
    n_items: int
    n_half: int | None
    unevenness: float = float("nan")


@dataclass(frozen=True, slots=True)
class StoryEntry:
    """One list.  title: its name for a person.  None where a figure is not known.

    found: products of a list of k that were bought; again: those the customer had before; first: those they had not;
    reached: share of customers with at least one; money: share of the money spent; leads: what it finds more than each
    baseline, by the baseline's name.
    """

    name: str
    title: str
    role: Role
    found: Span
    again: Span | None = None
    first: Span | None = None
    reached: Span | None = None
    money: Span | None = None
    shelf: ShelfStory | None = None
    leads: Mapping[str, PairedDifference] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GroupStory:
    """Customers of one kind: what our list finds for them, what the rival's does, and the paired difference."""

    family: str
    title: str
    ours: Span
    rival: Span
    lead: PairedDifference


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What was left out of the judgement: so many of so many, and why; by rule where it could tell nothing.

    of: 0 where that is not known.
    """

    what: str
    why: str
    count: int
    of: int
    is_by_rule: bool = False


@dataclass(frozen=True, slots=True)
class StoryTable:
    """Figures for whoever checks: a row is as long as the columns."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """How one of the two lists that the page compares is called: in a legend, as one list, as the lists of all."""

    name: str
    one: str
    many: str


@dataclass(frozen=True, slots=True)
class Wording:
    """How this evaluation speaks: 'products' 'were bought' 'in the next four weeks', a customer 'bought' them.

    theirs: 'of 10' what, for the other list.
    """

    things: str = "products"
    taken: str = "bought"
    took: str = "bought"
    when: str = "in the next four weeks"
    ours: Side = Side("personal list", "the personal list", "personal lists")
    rival: Side = Side("best-sellers", "the best-sellers", "the best-sellers")
    theirs: str = "best-sellers"


@dataclass(frozen=True, slots=True)
class Story:
    """Everything on the page.  ours, rival, simple: names of entries of `judged`; `simple` is the strongest baseline.

    discovery: lists that show only what each customer has never had, where they were judged apart; `discoverer` and
    `discovery_rival` are the names of ours and the other among them.
    families: what the groups of a family are parted by, where its name does not say.  notes: what else is to know.
    keenest_left_out: our lead over the strongest baseline without the twentieth of the customers it did best for.
    windows: our lead over the rival in each span of time, by its first day.  data: the same figures for a machine.
    floor: the best-sellers, which every list should beat.  is_picked: ours is what did best here, not what is served.
    """

    title: str
    wording: Wording
    k: int
    judged: Sequence[StoryEntry]
    ours: str
    rival: str
    simple: str
    n_customers: int
    groups: Sequence[GroupStory]
    n_groups_hidden: int
    facts: Mapping[str, str]
    exclusions: Sequence[Exclusion]
    warnings: Sequence[str]
    tables: Sequence[StoryTable]
    figures: StoryTable
    settings: Mapping[str, Mapping[str, Any]]
    data: Mapping[str, Any]
    run_id: str
    made_at: str
    repeat_share: float | None = None
    discovery: Sequence[StoryEntry] = ()
    discoverer: str = ""
    discovery_rival: str = ""
    floor: str = "best-sellers"
    is_picked: bool = False
    families: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    keenest_left_out: PairedDifference | None = None
    windows: Mapping[str, PairedDifference] = field(default_factory=dict)

    def entry(self, name: str) -> StoryEntry:
        """The list of that name.  Raises KeyError when there is none."""
        return {one.name: one for one in self.judged}[name]

    def discovered(self, name: str) -> StoryEntry | None:
        """The list of new things of that name."""
        return {one.name: one for one in self.discovery}.get(name)
