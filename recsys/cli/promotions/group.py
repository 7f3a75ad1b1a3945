"""Command group `recsys promotions`."""

import typer

from recsys.cli.promotions.document import check, history, list_, put, restore, show
from recsys.cli.registration import register_group


def register_promotions(app: typer.Typer) -> None:
    """Adds `recsys promotions`."""
    text = "Promotions and coupons: discounts, thresholds, ladders, bundles, gifts, member prices."
    register_group(app, "promotions", (list_, check, put, history, restore, show), panel="Ask", help=text)
