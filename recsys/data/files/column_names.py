"""Usual names of columns in shops and published data sets: one vocabulary for frames, imports and evaluations."""

import re
from collections.abc import Iterable, Mapping, Sequence

# Compared in lower case, without signs and without ":token"; the first word that a table has counts.
USUAL_NAMES: Mapping[str, str] = {
    "event_id": "eventid",
    "user_id": "user userid uid customer customerid household householdid visitor visitorid member memberid client "
    "clientid buyer buyerid reviewer reviewerid account accountid session sessionid",
    "item_id": "item itemid iid product productid sku asin parentasin article articleid movie movieid book bookid isbn "
    "track trackid song songid artist artistid game gameid business businessid location locationid venue venueid "
    "anime animeid recipe recipeid beer beerid joke jokeid place placeid poi poiid news newsid video videoid "
    "restaurantid",
    "kind": "kind event eventtype eventname action behavior behaviour interaction",
    "at": "time timestamp ts at t datetime date day unixtime eventtime createdat orderdate transactiondate "
    "purchasedate unixreviewtime invoicedate transactiontimestamp",
    "quantity": "quantity qty units",
    "price": "price unitprice",
    "amount": "amount salesvalue linetotal revenue",
    "order_id": "orderid order basketid basket transactionid transaction invoiceid invoiceno invoice ticketid ticket",
    "rating": "rating ratings stars star score overall bookrating movierating itemrating productrating userrating "
    "reviewrating reviewoverall",
    "channel": "channel store storeid",
    "weight": "weight quantity qty count n plays playcount times amount value",
    "name": "name title productname itemname producttitle",
    "category": "category productcategory department",
    "brand": "brand manufacturer vendor",
    "stock": "stock inventory stockquantity",
    "available_from": "availablefrom",
    "available_until": "availableuntil",
}


def guess_column(target: str, columns: Sequence[str], taken: Iterable[str] = ()) -> str | None:
    """The column with a usual name of that target, except those that are taken; None if the table has none."""
    plain = {re.sub(r"[^a-z0-9]", "", column.lower().partition(":")[0]): column for column in columns}
    names = (plain[name] for name in USUAL_NAMES[target].split() if name in plain)
    return next((name for name in names if name not in taken), None)


def guess_columns(targets: Iterable[str], columns: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """The column of each target: the given one, else one with a usual name that no target before it has."""
    column_by_target = dict(given)
    for target in targets:
        taken = {part.strip() for source in column_by_target.values() for part in source.split("+")}
        if target not in given and (name := guess_column(target, columns, taken)):
            column_by_target[target] = name
    return column_by_target
