"""Settings of campaigns: `[campaigns]`, the hold-out of the shop, the contact cap and quiet times."""

from datetime import UTC, datetime, tzinfo
from typing import ClassVar

from pydantic import Field, field_validator

from recsys.config import SettingsSection
from recsys.customers.contact_times import WEEKDAYS
from recsys.time_units import minute, time_zone

_HOURS = r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$"


class CampaignSettings(SettingsSection):
    """Rules over all campaigns: `[campaigns]`."""

    section: ClassVar[str] = "campaigns"

    holdout_share: float = Field(
        default=0.05, ge=0, le=0.5, description="share of customers that no campaign writes to, for a quarter"
    )
    holdout_salt: str = Field(
        default="shop", min_length=1, max_length=100, description="with the quarter it says who is in the hold-out"
    )
    max_contacts: int = Field(default=2, ge=1, le=100, description="most contacts of a customer within per_days")
    per_days: int = Field(default=7, ge=1, le=91, description="days that max_contacts counts over")
    quiet_days: int = Field(
        default=1, ge=0, le=91, description="days after and before a contact without another one; 0 for none"
    )
    quiet_hours: str = Field(
        default="", pattern=rf"{_HOURS}|^$", description="no campaign starts then, such as 21:00-08:00; empty for none"
    )
    quiet_weekdays: tuple[str, ...] = Field(default=(), description="no campaign starts then, such as sunday")
    time_zone: str = Field(default="UTC", description="of quiet hours, days of the week and quarters")

    @field_validator("quiet_weekdays")
    @classmethod
    def _are_weekdays(cls, days: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [day for day in days if day not in WEEKDAYS]
        if wrong:
            raise ValueError(f"{wrong[0]!r} is no day of the week; use one of {', '.join(WEEKDAYS)}")
        return days

    @field_validator("quiet_hours")
    @classmethod
    def _leaves_hours(cls, hours: str) -> str:
        first, _, last = hours.partition("-")
        if first and first == last:
            raise ValueError(f"begins and ends at {first}, which leaves no hour; leave it empty for none")
        return hours

    @field_validator("time_zone")
    @classmethod
    def _is_zone(cls, name: str) -> str:
        time_zone(name)
        return name

    @property
    def zone(self) -> tzinfo:
        return time_zone(self.time_zone)

    def holdout_key(self, at_ms: int) -> str:
        """The salt of the hold-out in the quarter of that moment."""
        moment = datetime.fromtimestamp(at_ms / 1_000, UTC).astimezone(self.zone)
        return f"{self.holdout_salt} {moment.year} Q{(moment.month + 2) // 3}"

    def quiet_reason(self, at_ms: int) -> str | None:
        """Why no campaign may start at that moment; None if it may."""
        moment = datetime.fromtimestamp(at_ms / 1_000, UTC).astimezone(self.zone)
        weekday = WEEKDAYS[moment.weekday()]
        if weekday in self.quiet_weekdays:
            day = f"a {weekday} in {self.time_zone}"
            return f"starts: {minute(at_ms)} UTC is {day}, a quiet day of the settings; choose another day"
        first, _, last = self.quiet_hours.partition("-")
        now = f"{moment:%H:%M}"
        is_quiet = bool(first) and (first <= now < last if first < last else now >= first or now < last)
        if is_quiet:
            hours = f"the quiet hours {self.quiet_hours} ({self.time_zone})"
            return f"starts: {minute(at_ms)} UTC lies in {hours}; start at {last}"
        return None
