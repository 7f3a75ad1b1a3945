"""Table of the console's pages: a page is a module of `api.console.pages` and a row here.

The menu marks the last page before a row, or the row itself, that stands in it.
"""

from api.console.page import ConsolePage
from api.console.pages import (
    audit,
    campaigns,
    customer,
    customers,
    lists,
    promotions,
    rules,
    segments,
    today,
    why,
)
from api.console.pages.judge import experiments, replay
from api.console.pages.judge import overview as judge
from api.console.pages.operations import import_file, imports, keys, overview, settings
from api.console.pages.products import movers, names, pairs, product, units

PAGES: tuple[ConsolePage, ...] = (
    today.PAGE,
    today.WEEK,
    customers.PAGE,
    customer.PAGE,
    customer.RECEIPT,
    segments.PAGE,
    campaigns.PAGE,
    campaigns.CAMPAIGN,
    campaigns.RESULT,
    campaigns.UNPLANNED,
    promotions.PAGE,
    units.PAGE,
    product.PAGE,
    names.PAGE,
    pairs.PAGE,
    movers.PAGE,
    lists.PAGE,
    why.PAGE,
    rules.PAGE,
    judge.PAGE,
    judge.REPORT,
    experiments.EXPERIMENT,
    experiments.RESULT,
    experiments.PLAN,
    replay.PAGE,
    overview.PAGE,
    imports.PAGE,
    import_file.PAGE,
    keys.PAGE,
    settings.PAGE,
    audit.PAGE,
)
