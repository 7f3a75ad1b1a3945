"""Report of what displays, mailers and other flags change in purchases: kept in the home until it is made anew."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from recsys.atomic_file import replace_file
from recsys.errors import BadFile, NotEnoughData

EFFECT_FILE = "promotion-effect.json"  # in the home


class FlagFactor(BaseModel):
    """Purchases are `factor` times as many in weeks with the flag; low to high with 95 %."""

    model_config = ConfigDict(frozen=True, from_attributes=True)
    name: str
    factor: float
    low: float
    high: float
    weeks: int
    purchases: int


class EffectReport(BaseModel):
    """The factors of all flags, and what they were worked out from.  made_at: Unix ms.  file: the name of the file."""

    model_config = ConfigDict(frozen=True)
    made_at: int
    file: str
    items: int
    stores: int
    purchases: int
    effects: tuple[FlagFactor, ...]


def keep_effect_report(home: Path, report: EffectReport) -> None:
    """Raises OSError."""
    replace_file(home / EFFECT_FILE, report.model_dump_json(indent=2).encode())


def read_effect_report(home: Path) -> EffectReport:
    """The last one.  Raises NotEnoughData where none was made, BadFile."""
    file = home / EFFECT_FILE
    try:
        return EffectReport.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        raise NotEnoughData("no effect of promotions is known yet; `recsys promotions effect FILE` finds it") from None
    except (OSError, ValidationError) as error:
        raise BadFile(
            f"{file}: no report of effects ({error}); `recsys promotions effect FILE` makes it anew"
        ) from None
