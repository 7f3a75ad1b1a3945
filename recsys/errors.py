"""Error hierarchy: every error this project raises on purpose, each with a stable code.

RecsysError              something a person can mend
├── BadSettings          a setting of the file or the environment
├── BadInput             a value of a request or a command
│   ├── BadEvent         an event that cannot be stored
│   ├── BadItem          an item that cannot be stored
│   ├── BadFilter        a filter expression
│   ├── UnknownAttribute a filter over an attribute that no item has
│   └── UnknownSegment   no saved segment of that name
├── BadFile              a file that cannot be read or written
├── BadDocument          a text of rules, segments or promotions, with each fault
│   ├── BadRules         of rules
│   ├── BadSegments      of segments
│   └── BadPromotions    of promotions
├── DocumentChanged      a text that somebody else changed meanwhile
│   ├── RulesChanged     of rules
│   ├── SegmentsChanged  of segments
│   ├── PromotionsChanged  of promotions
│   └── CampaignChanged  a campaign
├── UnknownVersion       a version of the rules, the segments or the promotions
├── BadBundle            a bundle that is damaged or missing
│   └── UntrustedBundle  a bundle that no trusted key has signed
├── UnknownItem, UnknownUser, UnknownReceipt, UnknownRun, UnknownExperiment, UnknownPlacement, UnknownModel,
│                        UnknownReport, UnknownCampaign, UnknownPromotion
├── NoBundle             no bundle was promoted yet
├── NotEnoughData        too little data to learn from
├── JobRunning           another job holds the job lock
├── StaleJob             a job that lost its lock to a newer one
└── LogUnavailable       a database that does not answer
"""

from collections.abc import Sequence
from dataclasses import dataclass


class RecsysError(Exception):
    """Something a person can mend.  The code is stable, the message may change and says what to do."""

    code = "error"


class BadSettings(RecsysError):
    """A setting is wrong or unknown."""

    code = "bad_settings"


class BadInput(RecsysError):
    """A value of a request or a command is wrong."""

    code = "bad_input"


class BadEvent(BadInput):
    """An event has a value that cannot be stored."""

    code = "bad_event"


class BadItem(BadInput):
    """An item has a value that cannot be stored."""

    code = "bad_item"


class BadFilter(BadInput):
    """A filter expression is wrong."""

    code = "bad_filter"


class UnknownAttribute(BadInput):
    """A filter names an attribute that no item has: probably misspelt."""

    code = "unknown_attribute"


class BadFile(RecsysError):
    """A file is damaged, of another program or a newer build, or cannot be read or written."""

    code = "bad_file"


@dataclass(frozen=True, slots=True)
class DocumentFault:
    """A fault in a text of rules or segments.

    line: from 1, None without one.  entry: the rule or segment; entry, field: "" when it concerns the whole.
    """

    line: int | None
    entry: str
    field: str
    problem: str

    def __str__(self) -> str:
        where = ": ".join(filter(None, (self.entry, self.field)))
        at = f"line {self.line}: " if self.line is not None else ""
        return f"{at}{where}: {self.problem}" if where else f"{at}{self.problem}"


class BadDocument(RecsysError):
    """A text of rules, segments or promotions is wrong; `faults` holds each fault with its line."""

    code = "bad_document"

    def __init__(self, message: str, faults: Sequence[DocumentFault] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class BadRules(BadDocument):
    """A text of rules is wrong."""

    code = "bad_rules"


class BadSegments(BadDocument):
    """A text of segments is wrong."""

    code = "bad_segments"


class BadPromotions(BadDocument):
    """A text of promotions is wrong."""

    code = "bad_promotions"


class DocumentChanged(RecsysError):
    """Somebody else changed the text meanwhile."""

    code = "document_changed"


class RulesChanged(DocumentChanged):
    """Somebody else changed the rules meanwhile."""

    code = "rules_changed"


class SegmentsChanged(DocumentChanged):
    """Somebody else changed the segments meanwhile."""

    code = "segments_changed"


class CampaignChanged(DocumentChanged):
    """Somebody else changed or drew the campaign meanwhile."""

    code = "campaign_changed"


class PromotionsChanged(DocumentChanged):
    """Somebody else changed the promotions meanwhile."""

    code = "promotions_changed"


class UnknownSegment(BadInput):
    """There is no saved segment of that name."""

    code = "unknown_segment"


class UnknownVersion(RecsysError):
    """There is no such version of the rules, the segments or the promotions."""

    code = "unknown_version"


class BadBundle(RecsysError):
    """A bundle is damaged, missing, or of another format."""

    code = "bad_bundle"


class UntrustedBundle(BadBundle):
    """A bundle is not signed by a trusted key."""

    code = "untrusted_bundle"


class UnknownItem(RecsysError):
    """There is no item with that id."""

    code = "unknown_item"


class UnknownUser(RecsysError):
    """There is no customer with that id."""

    code = "unknown_user"


class UnknownReceipt(RecsysError):
    """There is no receipt with that id."""

    code = "unknown_receipt"


class UnknownPromotion(RecsysError):
    """There is no promotion with that id."""

    code = "unknown_promotion"


class UnknownRun(RecsysError):
    """There is no run of a job with that id."""

    code = "unknown_run"


class UnknownReport(RecsysError):
    """No page of an evaluation or of a verdict is kept under that id."""

    code = "unknown_report"


class UnknownCampaign(RecsysError):
    """There is no campaign with that id."""

    code = "unknown_campaign"


class UnknownExperiment(RecsysError):
    """No experiment of that id was started."""

    code = "unknown_experiment"


class UnknownPlacement(RecsysError):
    """There is no placement of that name."""

    code = "unknown_placement"


class UnknownModel(RecsysError):
    """There is no model of that name."""

    code = "unknown_model"


class NoBundle(RecsysError):
    """No bundle was promoted yet."""

    code = "no_live_bundle"


class NotEnoughData(RecsysError):
    """There is too little data to learn from."""

    code = "not_enough_data"


class JobRunning(RecsysError):
    """Another job holds the job lock."""

    code = "job_running"


class StaleJob(RecsysError):
    """A job lost its lock, and a newer one has begun: what it made is not put into service."""

    code = "stale_job"


class LogUnavailable(RecsysError):
    """The event log cannot be read or written now; what was not acknowledged is not stored."""

    code = "log_unavailable"
