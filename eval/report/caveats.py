"""What would change the conclusion: said with figures, so that whoever decides knows what it rests on."""

import math

from eval.report.formatting import counted, percent, roughly
from eval.report.story import PairedDifference, Story, StoryEntry
from eval.report.text import scale_of

FEW = 300  # customers in all, below which the page warns
BEST_SELLING = "popularity"  # a model that is the best-sellers, and need not beat itself
MUCH = 0.05  # of the rows left out, above which the page says so


def doubts(story: Story) -> list[str]:
    """Sentences, the weightiest first."""
    lead = story.entry(story.ours).leads.get(story.rival)
    told = [
        *(_chance(story, lead) if lead is not None else []),
        *_simple(story),
        *_groups(story),
        *_few_customers(story),
        *_windows(story),
        *_choice(story),
        *_left_out(story),
    ]
    return [
        *told,
        "Nobody was shown these lists. What customers would have "
        f"{story.wording.taken} had they seen them, only a trial with a control group can tell.",
    ]


def _chance(story: Story, lead: PairedDifference) -> list[str]:
    scale, span = scale_of(story), lead.span
    if lead.verdict == "level" and span.mean and not math.isnan(span.low):
        half = (span.high - span.low) / 2
        needed = roughly(lead.n_customers * (half / abs(span.mean)) ** 2)
        return [
            f"More customers: to tell a difference of {scale.lead(span.mean, lead, 2)} from none takes about "
            f"{needed:,} of them; {lead.n_customers:,} were asked."
        ]
    if lead.verdict == "better":
        low = scale.lead(span.low, lead, 2)
        return [f"Luck in who was asked would not: even at the low end {story.wording.ours.one} is ahead ({low})."]
    return []


def _simple(story: Story) -> list[str]:
    """A rule that anybody could follow, and that does as well, is worth knowing of."""
    ours = story.entry(story.ours)
    lead = None if story.simple == story.rival else ours.leads.get(story.simple)
    if lead is None or lead.verdict == "better":
        return []
    title = story.entry(story.simple).title
    return [
        f"Another yardstick: against the best simple rule, “{title}”, {story.wording.ours.one} is not clearly ahead."
    ]


def _groups(story: Story) -> list[str]:
    behind = [f"“{group.title}”" for group in story.groups if group.lead.verdict == "worse"]
    if not behind:
        return []
    rival = story.wording.rival.one
    return [f"A shop with more of these customers, who are better off with {rival}: {', '.join(behind)}."]


def _few_customers(story: Story) -> list[str]:
    rest = story.keenest_left_out
    if rest is None:
        return []
    told = scale_of(story).lead(rest.span.mean, rest, 2)
    if rest.verdict == "better":
        return [
            "A few keen customers would not: without the twentieth of all customers it does best for, the personal "
            f"list is still ahead of the best-sellers ({told})."
        ]
    return [
        "A few keen customers would: without the twentieth of all customers it does best for, the personal list is no "
        f"longer clearly ahead of the best-sellers ({told})."
    ]


def _windows(story: Story) -> list[str]:
    if len(story.windows) < 2:
        return ["Another time of the year: only one span of time was judged."]
    ahead = sum(lead.verdict == "better" for lead in story.windows.values())
    ours = story.wording.ours.one
    return [f"Another time of the year: {ours} was clearly ahead in {ahead} of {len(story.windows)} spans."]


def _choice(story: Story) -> list[str]:
    models = [one for one in story.judged if one.role != "baseline"]
    if len(models) < 2 or not story.is_picked:
        return []
    return [
        f"Judging again: the best of {len(models)} lists was picked by these very figures, so its lead looks a little "
        "larger than it is."
    ]


def _left_out(story: Story) -> list[str]:
    return [
        f"The rows left out: {percent(out.count / out.of)} of {out.what} ({out.why})."
        for out in story.exclusions
        if not out.is_by_rule and out.of and out.count / out.of > MUCH
    ]


def warnings(story: Story) -> list[str]:
    """The story's own, and what any reader must be warned of."""
    told = list(story.warnings)
    if story.n_customers < FEW:
        told.append(f"Only {counted(story.n_customers, 'customer')} could be judged: all figures here are rough.")
    beaten = [
        one.title
        for one in story.judged
        if one.role != "baseline" and one.name != BEST_SELLING and _is_behind(one, story)
    ]
    return [*told, *(f"“{title}” is no better than the best-sellers here." for title in beaten)]


def _is_behind(one: StoryEntry, story: Story) -> bool:
    lead = one.leads.get(story.floor)
    return lead is not None and lead.verdict != "better"
