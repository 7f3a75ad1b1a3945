"""Campaign: its definition, its state, and what its draw counted, as a store keeps it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

from recsys.campaigns.definition import CampaignDefinition
from recsys.data.store.base import Store
from recsys.data.store.campaigns.records import CampaignRecord
from recsys.errors import BadInput, UnknownCampaign

T = TypeVar("T")
DRAFT, DRAWN, RUNNING, CLOSED = "draft", "drawn", "running", "closed"


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign.  record: as it is stored.  draw: what the draw counted, empty before; it never changes.

    made_at_ms, closed_at_ms: Unix ms, None while it is open.
    """

    definition: CampaignDefinition
    record: CampaignRecord
    made_at_ms: int
    draw: Mapping[str, Any] = field(default_factory=dict)
    closed_at_ms: int | None = None

    @property
    def id(self) -> str:
        return self.definition.id

    @property
    def is_drawn(self) -> bool:
        return self.record.draw > 0

    def status(self, now_ms: int) -> str:
        """draft, drawn, running from its start on, or closed."""
        return status_at(self.record.status, self.record.starts_ms, now_ms)

    def to_json(self, now_ms: int) -> dict[str, Any]:
        """The campaign as JSON types."""
        return {
            **self.definition.to_json(),
            "status": self.status(now_ms),
            "made_at": self.made_at_ms,
            "closed_at": self.closed_at_ms,
            "draw": dict(self.draw) or None,
        }


def status_at(stored: str, starts_ms: int, now_ms: int) -> str:
    """The state of a campaign at a moment: one that was drawn runs from its start on."""
    return RUNNING if stored == DRAWN and starts_ms <= now_ms else stored


def find_campaign(store: Store, campaign_id: str) -> Campaign:
    """Raises UnknownCampaign, LogUnavailable."""
    record = store.campaign(campaign_id)
    if record is None:
        raise UnknownCampaign(f"no campaign {campaign_id!r:.80}; `recsys campaign list` lists them")
    return _parse(record)


def all_campaigns(store: Store) -> list[Campaign]:
    """All campaigns, the latest start first."""
    return [_parse(record) for record in store.campaigns()]


def save_campaign(
    store: Store, definition: CampaignDefinition, now_ms: int, check: Callable[[CampaignDefinition], T]
) -> tuple[Campaign, T]:
    """Stores a draft, or replaces the draft of that id, if `check` does not raise; returns what it returned, too.

    Raises BadInput for a campaign that was drawn or closed, CampaignChanged.
    """
    before = store.campaign(definition.id)
    if before is not None and before.status != DRAFT:
        raise BadInput(f"campaign {definition.id!r} was {before.status} and never changes; plan one with another id")
    earlier = None if before is None else _parse(before)
    if earlier is not None and not definition.salt:
        definition = definition.model_copy(update={"salt": earlier.definition.salt})
    salted = definition.with_salt()
    checked, made_at_ms = check(salted), now_ms if earlier is None else earlier.made_at_ms
    record = CampaignRecord(salted.id, DRAFT, salted.starts_ms, 0, _document(salted, made_at_ms))
    store.put_campaign(record, before=None if before is None else before.document)
    return Campaign(salted, record, made_at_ms), checked


def close_campaign(store: Store, campaign_id: str, now_ms: int) -> Campaign:
    """Ends it: a draft is never drawn, and nobody is exported any more.  Members stay, so that it can be read."""
    campaign = find_campaign(store, campaign_id)
    if campaign.closed_at_ms is not None:
        return campaign
    document = _document(campaign.definition, campaign.made_at_ms, campaign.draw, now_ms)
    record = campaign.record._replace(status=CLOSED, document=document)
    store.put_campaign(record, before=campaign.record.document)
    return _parse(record)


def drawn_document(campaign: Campaign, draw: Mapping[str, Any]) -> str:
    """The document of the campaign with what its draw counted."""
    return _document(campaign.definition, campaign.made_at_ms, draw)


def _document(
    definition: CampaignDefinition,
    made_at_ms: int,
    draw: Mapping[str, Any] | None = None,
    closed_at_ms: int | None = None,
) -> str:
    content = {
        "definition": definition.to_json(),
        "made_at_ms": made_at_ms,
        "draw": dict(draw or {}),
        "closed_at_ms": closed_at_ms,
    }
    return orjson.dumps(content).decode()


def _parse(record: CampaignRecord) -> Campaign:
    content = orjson.loads(record.document)
    definition = CampaignDefinition.model_validate(content["definition"])
    return Campaign(definition, record, content["made_at_ms"], content["draw"], content["closed_at_ms"])
