"""What the figures say, in sentences that name no metric."""

import math
from dataclasses import dataclass

from eval.report.formatting import PER_CENT, apart, base_of, counted, percent, plain, signed
from eval.report.story import PairedDifference, ShelfStory, Span, Story, Wording
from eval.stats.paired import ComparisonVerdict

SMALL = 100  # a group below is marked: its figures move with a few people


@dataclass(frozen=True, slots=True)
class Scale:
    """Of how many things the page speaks: of a list, or of 100, 1,000, ... where lists hold too few hits."""

    base: int
    k: int

    @property
    def is_list(self) -> bool:
        return self.base == self.k

    def per(self, lead: PairedDifference) -> str:
        """Per list, or per 1,000 shown; a share says that what was found near the top counts for more."""
        if lead.unit == "share":
            return "where what stood near the top of a list counts for more"
        return "per list" if self.is_list else f"per {self.base:,} shown"

    def of(self, found: float) -> float:
        """So many of the base, where `found` of a list were."""
        return found * self.base / self.k

    def plain(self, found: float, digits: int = 1) -> str:
        """The same as text."""
        return plain(self.of(found), digits)

    def lead(self, value: float, lead: PairedDifference, digits: int = 1) -> str:
        """A difference with its sign, in the unit of the lead."""
        return f"{signed(100 * value)}{PER_CENT}" if lead.unit == "share" else signed(self.of(value), digits)


def scale_of(story: Story) -> Scale:
    """The scale on which the best list finds about one thing or more."""
    return Scale(base_of(story.k, max(one.found.mean for one in story.judged)), story.k)


def headline(story: Story) -> str:
    """Of 10 products on the personal list, 3.5 were bought in the next four weeks; of 10 best-sellers 1.4."""
    scale, words = scale_of(story), story.wording
    ours, rival = (scale.of(story.entry(name).found.mean) for name in (story.ours, story.rival))
    digits = apart([ours, rival])
    where = words.ours.one if scale.is_list else words.ours.many
    return (
        f"Of {scale.base:,} {words.things} on {where}, {plain(ours, digits)} were {words.taken} {words.when}; "
        f"of {scale.base:,} {words.theirs} {plain(rival, digits)}."
    )


def question(story: Story) -> str:
    """What the page answers."""
    return f"Is {story.wording.ours.one} better?"


def answers(story: Story) -> list[tuple[ComparisonVerdict, str, str]]:
    """The verdict in a word, the question, the answer: against the rival, the best simple list, and at new things."""
    leads = story.entry(story.ours).leads
    names = dict.fromkeys([story.rival, story.simple])
    told = [
        (leads[name].verdict, _question(story, name), _answer(story, leads[name])) for name in names if name in leads
    ]
    discoverer = story.discovered(story.discoverer)
    if discoverer is not None and story.discovery_rival in discoverer.leads:
        lead = discoverer.leads[story.discovery_rival]
        new = f"Better than {story.wording.rival.one} at things new to the customer?"
        told.append((lead.verdict, new, _answer(story, lead)))
    return told


def _question(story: Story, name: str) -> str:
    if name == story.rival:
        return f"Better than {story.wording.rival.one}?"
    return f"Better than the best simple rule, “{story.entry(name).title}”?"


def _answer(story: Story, lead: PairedDifference) -> str:
    if lead.verdict != "too few" and math.isnan(lead.span.mean):
        return "The other list found nothing at all, so there is nothing to compare with."
    middle, low, high = _gap(story, lead)
    with_others = "had other customers of the same kind been asked"
    return {
        "better": f"Yes: {middle}, and very likely between {low} and {high} {with_others}.",
        "worse": f"No: {middle}, and very likely between {low} and {high} {with_others}.",
        "level": f"Cannot tell: the difference is {middle}, and anything between {low} and {high} was possible "
        f"{with_others}.",
        "too few": f"Cannot tell: {counted(lead.n_customers, 'customer')} are too few to judge by.",
    }[lead.verdict]


def _gap(story: Story, lead: PairedDifference) -> tuple[str, str, str]:
    """The difference in words, and its ends, without a sign where both are on one side of none."""
    scale, span = scale_of(story), lead.span
    values = (span.mean, span.low, span.high)
    digits = 2 if lead.unit == "share" else apart([scale.of(value) for value in values], 2)
    told = [scale.lead(value, lead, digits) for value in values]
    if lead.verdict in ("level", "too few"):
        return f"{told[0]} {scale.per(lead)}", told[1], told[2]
    word = "more" if lead.verdict == "better" else "fewer"
    bare = [text.lstrip("+−") for text in (told if lead.verdict == "better" else [told[0], told[2], told[1]])]
    found = " found" if lead.unit == "share" else ""
    return f"{bare[0]} {word}{found} {scale.per(lead)}", bare[1], bare[2]


def reached(story: Story) -> str:
    """How many customers found anything; nothing where that is not known."""
    ours, rival = story.entry(story.ours), story.entry(story.rival)
    if ours.reached is None or rival.reached is None:
        return ""
    share, other = (round(100 * one.reached.mean) for one in (ours, rival) if one.reached is not None)
    return (
        f"Out of 100 customers, {share} {story.wording.took} at least one thing from {story.wording.ours.one}; "
        f"from {story.wording.rival.one}, {other}."
    )


def known_and_new(story: Story) -> list[str]:
    """What share of all that was bought was no first time, and where the personal list is good."""
    if story.repeat_share is None:
        return []
    share = round(100 * story.repeat_share)
    told = [
        f"Of 100 different {story.wording.things} that a customer {story.wording.took}, {share} were known to them "
        f"and {100 - share} were new. A list can be good at one and poor at the other."
    ]
    ours, rival = story.entry(story.ours), story.entry(story.rival)
    finds = f"{story.wording.ours.one} finds"
    if ours.again is not None and rival.again is not None:
        told.append(_kind(story, finds, "known ones", ours.again, rival.again))
    if ours.first is not None and rival.first is not None:
        told.append(_kind(story, finds, "new ones", ours.first, rival.first))
    new, simple = story.discovered(story.discoverer), story.discovered(story.discovery_rival)
    if new is not None and simple is not None:
        told.append(_kind(story, finds, "", new.found, simple.found, "that are all new to the customer"))
    return told


def _kind(story: Story, finds: str, kind: str, ours: Span, rival: Span, shown: str = "shown") -> str:
    """How both do at known or at new things; said without a verdict, as nothing was tested here."""
    scale = Scale(base_of(story.k, max(ours.mean, rival.mean)), story.k)
    digits = apart([scale.of(ours.mean), scale.of(rival.mean)])
    first = f"{scale.plain(ours.mean, digits)} {kind}".rstrip()
    return (
        f"Of {scale.base:,} {story.wording.things} {shown}, {finds} {first}, {story.wording.rival.one} "
        f"{scale.plain(rival.mean, digits)}."
    )


def money(story: Story) -> str:
    """How much of what was spent stood on the list."""
    ours, rival = story.entry(story.ours), story.entry(story.rival)
    if ours.money is None or rival.money is None or math.isnan(ours.money.mean):
        return ""
    return (
        f"Of every 100 that a customer spent {story.wording.when}, {plain(100 * ours.money.mean)} went on "
        f"{story.wording.things} on {story.wording.ours.one}; on {story.wording.rival.one}, "
        f"{plain(100 * rival.money.mean)}."
    )


def shelf(story: Story) -> list[str]:
    """How much of the range anybody sees, in the personal lists and in the best-sellers, and how evenly."""
    ours, rival = story.entry(story.ours).shelf, story.entry(story.rival).shelf
    if ours is None or not ours.n_items:
        return []
    unseen, all_lists = ours.n_items - ours.n_seen, story.wording.ours.many.removeprefix("the ")
    told = (
        f"All {all_lists} together show {ours.n_seen:,} of the {ours.n_items:,} {story.wording.things} in the range "
        f"({percent(ours.n_seen / ours.n_items)}){f'; nobody sees the other {unseen:,}' if unseen else ''}."
    )
    beside = "" if rival is None else f" {_capital(story.wording.rival.many)} show {rival.n_seen:,}."
    return [told + beside, *_evenness(story)]


def _evenness(story: Story) -> list[str]:
    found = story.entry(story.ours).shelf
    if found is None or not found.n_seen:
        return []
    if found.n_half:
        word = _evenly(found.n_half / found.n_seen, (0.05, 0.2))
        return [f"Places are shared {word}: half of them go to {found.n_half:,} {story.wording.things}."]
    if math.isnan(found.unevenness):
        return []
    return [f"Places are shared {_evenly(1 - found.unevenness, (0.02, 0.2))} among the whole range."]


def _evenly(share: float, ends: tuple[float, float]) -> str:
    return "very unevenly" if share < ends[0] else "unevenly" if share < ends[1] else "fairly evenly"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def spread(found: ShelfStory) -> str:
    """A shelf in figures, for the end of a row."""
    return f"{found.n_seen:,} ({percent(found.n_seen / found.n_items) if found.n_items else '–'})"


def group_note(n: int, verdict: ComparisonVerdict, wording: Wording) -> str:
    """How many customers, whether they are few, and whether the personal list is better for them."""
    said = {
        "better": f"{wording.ours.name} better",
        "worse": f"{wording.rival.name} better",
        "level": "cannot tell",
        "too few": "too few to tell",
    }[verdict]
    return f"{counted(n, 'customer')}{', a small group' if n < SMALL else ''}: {said}"


def hidden(story: Story) -> str:
    """How many groups are too small to be shown; nothing where all are."""
    if not story.n_groups_hidden:
        return ""
    return f"{counted(story.n_groups_hidden, 'more group')} of fewer than 20 customers: not shown."
