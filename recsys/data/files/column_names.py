"""Usual names of columns in shops and published data sets: one vocabulary for frames, imports and evaluations."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

# English, German, French, Spanish, Italian and Dutch; as `plain_name` writes them.  The first that a table has counts.
USUAL_NAMES: Mapping[str, str] = {
    "event_id": "eventid",
    "user_id": "user userid uid customer customerid household householdid visitor visitorid member memberid client "
    "clientid buyer buyerid reviewer reviewerid account accountid session sessionid customerno customernumber "
    "shopperid userpseudoid clientno kunde kundeid kundenid kundennr kundennummer idclient codeclient numclient "
    "cliente idcliente clienteid codcliente klant klantid klantnummer loyaltycard email customeremail emailaddress",
    "item_id": "item itemid iid product productid sku asin parentasin article articleid movie movieid book bookid isbn "
    "track trackid song songid artist artistid game gameid business businessid location locationid venue venueid "
    "anime animeid recipe recipeid beer beerid joke jokeid place placeid poi poiid news newsid video videoid "
    "restaurantid aid variantsku lineitemsku productsku itemsku stockcode itemcode productcode itemno itemnumber "
    "articleno articlenumber artikel artikelid artikelnr artikelnummer produkt produktid produit produitid idproduit "
    "codeproduit producto productoid idproducto prodotto prodottoid articolo codicearticolo ean gtin barcode",
    "kind": "kind event eventtype eventname action behavior behaviour interaction activity type",
    "at": "time timestamp ts at t datetime date day unixtime eventtime createdat orderdate transactiondate "
    "purchasedate unixreviewtime invoicedate transactiontimestamp eventtimestamp orderedat ordered orderdatetime "
    "ordertime dateordered datecreated datecreatedgmt dateadd purchasedat purchasetime paidat visittime tdat datum "
    "bestelldatum kaufdatum auftragsdatum rechnungsdatum zeit zeitpunkt zeitstempel datecommande dateachat fecha "
    "fechapedido dataordine dataacquisto besteldatum",
    "quantity": "quantity qty units lineitemquantity itemquantity productquantity orderquantity qtyordered pieces "
    "menge anzahl stuck stuckzahl quantite qte cantidad quantita aantal",
    "price": "price unitprice lineitemprice itemprice productprice variantprice regularprice priceperunit paid "
    "preis einzelpreis stuckpreis verkaufspreis prix prixunitaire precio preciounitario prezzo prezzounitario prijs",
    "amount": "amount salesvalue linetotal revenue lineamount salesamount totalsum betrag gesamtpreis umsatz "
    "positionssumme montant importe importo bedrag",
    "order_id": "orderid order basketid basket transactionid transaction invoiceid invoiceno invoice ticketid ticket "
    "orderno ordernumber ordername receiptid receipt receiptno incrementid idorder auftrag auftragid auftragsnr "
    "auftragsnummer bestellung bestellid bestellnr bestellnummer bon bonnr belegnr commande idcommande numcommande "
    "pedido idpedido numpedido ordine idordine bestelling bestelnummer",
    "rating": "rating ratings stars star score overall bookrating movierating itemrating productrating userrating "
    "reviewrating reviewoverall bewertung sterne",
    "channel": "channel store storeid saleschannel saleschannelid kanal filiale canal",
    "discount": "discount discountamount lineitemdiscount rabatt remise descuento sconto korting",
    "coupon": "coupon couponcode discountcode vouchercode gutscheincode",
    "campaign": "campaign campaignid utmcampaign kampagne campagne",
    "cost": "cost costprice unitcost costperitem einkaufspreis ek wareneinsatz",
    "weight": "weight quantity qty count n plays playcount times amount value",
    "name": "name title productname itemname producttitle prodname bezeichnung artikelbezeichnung artikelname "
    "produktname nom designation nomproduit nombre nome naam",
    "category": "category productcategory department categories producttype producttypename genres kategorie "
    "warengruppe produktgruppe categorie categoria rubrique type",
    "brand": "brand manufacturer vendor marke hersteller marque fabricant marca",
    "stock": "stock inventory stockquantity qty variantinventoryqty inventoryqty stockqty bestand lagerbestand lager "
    "existencias giacenza voorraad",
    "available_from": "availablefrom verfugbarab",
    "available_until": "availableuntil verfugbarbis",
}

# Targets of imports, and what evaluations call them; each is taken for the other where only that one exists.
SAME_TARGETS = {"user_id": "user", "item_id": "item", "at": "time", "quantity": "weight"}
OTHER_WORD = {**SAME_TARGETS, **{word: target for target, word in SAME_TARGETS.items()}}


def plain_name(column: str) -> str:
    """The name of a column as USUAL_NAMES writes it: lower case, no signs, no accents, nothing after a colon."""
    letters = unicodedata.normalize("NFKD", column.partition(":")[0].casefold())
    return re.sub(r"[^a-z0-9]", "", letters)


def guess_column(target: str, columns: Sequence[str], taken: Iterable[str] = ()) -> str | None:
    """The column with a usual name of that target, except those that are taken; None if the table has none.

    Where no column has the name alone, `Price (EUR)` and `Price, EUR` are a price, and `line_items.sku` is a sku.
    """
    short = {name: column for column in reversed(columns) if (name := _short_name(column))}
    plain = short | {plain_name(column): column for column in columns}
    names = (plain[name] for name in USUAL_NAMES[target].split() if name in plain)
    return next((name for name in names if name not in taken), None)


def _short_name(column: str) -> str:
    """The name without what stands in parentheses or after a comma; of a part of an object its key, but no id, name."""
    whole, dot, key = column.rpartition(".")
    if dot:
        return plain_name(whole) if key.isdecimal() else "" if key in ("id", "name") else plain_name(key)
    return plain_name(re.split(r"[(,\[]", column)[0])


def guess_columns(targets: Iterable[str], columns: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """The column of each target: the given one, else one with a usual name that no target before it has."""
    column_by_target = dict(given)
    for target in targets:
        taken = {part.strip() for source in column_by_target.values() for part in source.split("+")}
        if target not in given and (name := guess_column(target, columns, taken)):
            column_by_target[target] = name
    return column_by_target
