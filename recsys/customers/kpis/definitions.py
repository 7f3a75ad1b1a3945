"""KPI definitions as data: the name, what it says in plain words, its unit and its formula."""

from typing import Literal, NamedTuple

Unit = Literal["money", "share", "customers", "orders", "points", "categories per customer", "orders per customer"]

ACTIVE_DAYS = 91  # the time of a customer's value
CHURN_DAYS = 56  # without an order, after which a customer counts as gone
WARM_UP_DAYS = 91  # of log that cross-selling and upgrades compare with
UPGRADE = 1.1  # of the earlier price


class KpiDefinition(NamedTuple):
    """is_watched: whether it has an alarm band.  Figures of overlapping times have none: each week repeats the last."""

    name: str
    title: str
    unit: Unit
    words: str
    formula: str
    is_watched: bool = True


KPIS: tuple[KpiDefinition, ...] = (
    KpiDefinition("customers", "customers", "customers", "Customers with an order in the period.", "count"),
    KpiDefinition("orders", "orders", "orders", "Orders of the period of which something was kept.", "count"),
    KpiDefinition(
        "revenue", "revenue", "money", "What orders of the period brought, after discounts and returns.", "sum of money"
    ),
    KpiDefinition("basket_value", "basket value", "money", "Money of an order, on average.", "revenue / orders"),
    KpiDefinition(
        "repurchase_rate",
        "repurchase rate",
        "share",
        "Of the customers who had bought by the end of the period, the share with two orders or more by then.",
        "customers with 2 orders / customers with 1 order",
        is_watched=False,
    ),
    KpiDefinition(
        "retention",
        "retention",
        "share",
        "Of the customers of the period before, the share who ordered again in this one.",
        "customers of both periods / customers of the period before",
    ),
    KpiDefinition(
        "churn_rate",
        "churn rate",
        "share",
        f"Of the customers with an order in the {CHURN_DAYS} days before the period, the share without one in the "
        f"{CHURN_DAYS} days before its end.",
        "customers lost in the period / customers active at its start",
        is_watched=False,
    ),
    KpiDefinition(
        "customer_value",
        "value of a customer",
        "money",
        f"Money of a customer with an order in the {ACTIVE_DAYS} days before the end of the period, in those days.",
        f"revenue of {ACTIVE_DAYS} days / customers of {ACTIVE_DAYS} days",
        is_watched=False,
    ),
    KpiDefinition(
        "cross_sell_rate",
        "cross-sell rate",
        "share",
        "Of the customers of the period who had bought before it, the share who bought from a category new to them.",
        "customers with a new category / customers who had bought before",
    ),
    KpiDefinition(
        "upgrade_rate",
        "upgrade rate",
        "share",
        "Of the customers who bought from a category again, the share who chose dearer items: before discounts, a unit "
        f"cost at least {UPGRADE - 1:.0%} more than their own mean in the same categories before the period.",
        f"customers with money >= {UPGRADE:g} x units at their own earlier price / customers with a known category",
    ),
    KpiDefinition(
        "breadth",
        "breadth of loyalty",
        "categories per customer",
        "Different categories that a customer of the period bought from.",
        "pairs of customer and category / customers",
    ),
    KpiDefinition(
        "depth", "depth of loyalty", "orders per customer", "Orders of a customer of the period.", "orders / customers"
    ),
    KpiDefinition(
        "view_to_cart",
        "view to cart",
        "share",
        "Of the customers who looked at an item in the period, the share who put one into a basket.",
        "customers with view and cart / customers with view",
    ),
    KpiDefinition(
        "cart_to_purchase",
        "cart to purchase",
        "share",
        "Of the customers who put an item into a basket in the period, the share who bought.",
        "customers with cart and purchase / customers with cart",
    ),
    KpiDefinition(
        "view_to_purchase",
        "view to purchase",
        "share",
        "Of the customers who looked at an item in the period, the share who bought.",
        "customers with view and purchase / customers with view",
    ),
    KpiDefinition(
        "nps",
        "net promoter score",
        "points",
        "Percent of promoters (9, 10) without that of detractors (0 to 6), of those who answered in the period.",
        "100 x (promoters - detractors) / answers",
    ),
    KpiDefinition(
        "csat",
        "satisfied customers",
        "share",
        "Share of those who answered in the period who gave 4 or 5 of 5.",
        "answers of 4 or 5 / answers",
    ),
)
KPI_BY_NAME = {kpi.name: kpi for kpi in KPIS}
