"""Command group `recsys promotions`."""

import typer

from recsys.cli.promotions.document import check, list_, show, versioned
from recsys.cli.promotions.proposals import bundles, loyalty, table, upsell
from recsys.cli.registration import register_group

FUNCTIONS = (list_, check, *versioned, show, bundles, upsell, table, loyalty)


def register_promotions(app: typer.Typer) -> None:
    """Adds `recsys promotions`."""
    text = "Promotions and coupons: discounts, thresholds, ladders, bundles, gifts, member prices."
    register_group(app, "promotions", FUNCTIONS, panel="Ask", help=text)
