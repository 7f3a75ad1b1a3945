"""Usual names of columns in shops and published data sets: one vocabulary for frames, imports and evaluations."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

# English, German, French, Spanish, Italian and Dutch, and some of other languages; as `plain_name` writes them.
# The first that a table has counts: ids before bare words such as `product`, which may be names.
USUAL_NAMES: Mapping[str, str] = {
    "event_id": "eventid",
    "user_id": "userid uid customerid customerno customernumber customercode customeruser customerkey clientid "
    "clientno buyerid buyerusername shopperid memberid membernumber accountid accountnumber householdid visitorid "
    "reviewerid householdkey loyaltycardno cardno kundenid kundeid kundennr kundennummer kdnr kundenkarte idclient "
    "codeclient numclient numeroclient idcliente clienteid codcliente codigocliente numerocliente codicecliente "
    "klantid klantnummer klantcode klientid idklienta numerklienta musterino musteriid musterinumarasi user customer "
    "household visitor member client buyer reviewer account kunde cliente klant klient musteri клиент idклиента "
    "покупатель idпокупателя 顧客id 会員id 客户id 用户id userpseudoid domainuserid distinctid anonymousid "
    "loyaltycard loyaltyid cardnumber session sessionid email customeremail buyeremail billingemail emailaddress "
    "phone customerphone telefon",
    "item_id": "itemid iid productid sku asin parentasin articleid variantsku lineitemsku productsku itemsku "
    "stockcode itemcode productcode articlecode itemno itemnumber productno productnumber articleno articlenumber "
    "artno materialnumber artikelid artikelnr artikelnummer artnr artikelcode materialnummer produktid produktnummer "
    "produitid idproduit codeproduit refproduit codearticle productoid idproducto codigoproducto codproducto "
    "produtoid idproduto codigoproduto codproduto prodottoid idprodotto codicearticolo codiceprodotto kodproduktu "
    "idproduktu urunid urunkodu stokkodu propertiesproductid артикул кодтовара 商品コート 商品id 商品编号 商品番号 "
    "item product article artikel produkt produit producto prodotto produto articolo urun товар 商品 movie movieid "
    "book bookid isbn track trackid song songid artist artistid game gameid business businessid location locationid "
    "venue venueid anime animeid recipe recipeid beer beerid joke jokeid place placeid poi poiid news newsid video "
    "videoid restaurantid aid ean gtin barcode upc material eanupc",
    "kind": "kind event eventtype eventname action behavior behaviour interaction activity type transactiontype "
    "actiontype ordertype auftragstyp belegart",
    "at": "time timestamp ts at t datetime date day unixtime eventtime createdat orderdate transactiondate "
    "purchasedate unixreviewtime invoicedate transactiontimestamp eventtimestamp orderedat ordered orderdatetime "
    "ordertime dateordered datecreated datecreatedgmt dateadd purchasedat purchasetime paidat visittime tdat datum "
    "bestelldatum kaufdatum auftragsdatum rechnungsdatum zeit zeitpunkt zeitstempel datecommande dateachat fecha "
    "fechapedido dataordine dataacquisto besteldatum saledate salesdate createddate creationdate created placedat "
    "orderplacedat datepurchase originaltimestamp collectortstamp verkaufsdatum buchungsdatum belegdatum bestelltam "
    "erstelltam bestellzeitpunkt datapedido datacompra datavenda datumbestelling datazamowienia siparistarihi tarih "
    "islemtarihi faturatarihi датазаказа дата 注文日 注文日時 購入日 订单日期 下单时间",
    "quantity": "quantity qty units lineitemquantity itemquantity productquantity orderquantity qtyordered pieces "
    "menge anzahl stuck stuckzahl quantite qte cantidad quantita aantal unitquantity quantityordered qtysold "
    "quantitysold linequantity unidades uds qtde quantidade qta ilosc sztuk adet miktar количество 数量 "
    "propertiesquantity",
    "price": "price unitprice lineitemprice itemprice productprice variantprice regularprice priceperunit paid preis "
    "einzelpreis stuckpreis verkaufspreis prix prixunitaire precio preciounitario prezzo prezzounitario prijs "
    "sellingprice unitpriceinctax vkbrutto vkpreis bruttopreis preco precounitario valorunitario cena "
    "cenajednostkowa fiyat birimfiyat цена 単価 单价 价格 propertiesprice",
    "amount": "amount salesvalue linetotal revenue lineamount salesamount totalsum betrag gesamtpreis umsatz "
    "positionssumme montant importe importo bedrag netsales positionsbetrag tutar",
    "order_id": "orderid order basketid basket transactionid transaction invoiceid invoiceno invoice ticketid ticket "
    "orderno ordernumber ordername receiptid receipt receiptno incrementid idorder auftrag auftragid auftragsnr "
    "auftragsnummer bestellung bestellid bestellnr bestellnummer bon bonnr belegnr commande idcommande numcommande "
    "pedido idpedido numpedido ordine idordine bestelling bestelnummer saleid salesid amazonorderid auftragsid "
    "orderref orderreference kassenbonnr bonnummer transaktionsid transactionno transactionnumber ticketno "
    "ticketnumber checkno numeropedido numerocommande numeroordine siparisno siparisid fisno faturano idzamowienia "
    "numerzamowienia заказ номерзаказа idзаказа 注文番号 订单号 订单编号 propertiesorderid",
    "rating": "rating ratings stars star score overall bookrating movierating itemrating productrating userrating "
    "reviewrating reviewoverall bewertung sterne",
    "channel": "channel store storeid saleschannel saleschannelid kanal filiale canal",
    "discount": "discount discounts discountamount lineitemdiscount rabatt remise descuento sconto korting",
    "coupon": "coupon couponcode discountcode vouchercode gutscheincode",
    "campaign": "campaign campaignid utmcampaign kampagne campagne",
    "cost": "cost costprice unitcost costperitem einkaufspreis ek wareneinsatz",
    "weight": "weight quantity qty count n plays playcount times amount value",
    "name": "name title productname itemname producttitle prodname bezeichnung artikelbezeichnung artikelname "
    "produktname nom designation nomproduit nombre nome naam materialkurztext",
    "category": "category productcategory department categories producttype producttypename genres kategorie "
    "warengruppe produktgruppe categorie categoria rubrique type",
    "brand": "brand manufacturer vendor marke hersteller marque fabricant marca brandname",
    "stock": "stock inventory stockquantity qty variantinventoryqty inventoryqty stockqty bestand lagerbestand lager "
    "existencias giacenza voorraad currentstocklevel stocklevel quantityonhand onhand",
    "available_from": "availablefrom verfugbarab gultigab validfrom",
    "available_until": "availableuntil verfugbarbis gultigbis validuntil",
}

# In names such as número de cliente.
PARTICLES = frozenset(["de", "del", "della", "di", "da", "do", "du", "des", "la", "le", "el", "van", "of", "the"])
PLAIN_LETTERS = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "đ": "d", "æ": "ae"})

# Targets of imports, and what evaluations call them; each is taken for the other where only that one exists.
SAME_TARGETS = {"user_id": "user", "item_id": "item", "at": "time", "quantity": "weight"}
OTHER_WORD = {**SAME_TARGETS, **{word: target for target, word in SAME_TARGETS.items()}}


def plain_name(column: str) -> str:
    """The name of a column as USUAL_NAMES writes it: lower case, no signs, accents or particles, nothing after a colon.

    Letters of other scripts stay, so that 顧客ID is no ID.
    """
    letters = unicodedata.normalize("NFKD", column.partition(":")[0].casefold()).translate(PLAIN_LETTERS)
    words = re.findall(r"[^\W_]+", "".join(letter for letter in letters if not unicodedata.combining(letter)))
    return "".join([word for word in words if word not in PARTICLES] or words)


def guess_column(target: str, columns: Sequence[str], taken: Iterable[str] = ()) -> str | None:
    """The column with a usual name of that target, except those that are taken; None if the table has none.

    Where no column has the name alone, `Price (EUR)` and `Price, EUR` are a price, and `line_items.sku` is a sku.
    A column that is written like the target itself, as an import or an evaluation calls it, goes before all.
    """
    for name in (target, OTHER_WORD.get(target, target)):
        if name in columns and name not in taken:
            return name
    short = {name: column for column in reversed(columns) if (name := _short_name(column))}
    plain = short | {plain_name(column): column for column in columns}
    names = (plain[name] for name in USUAL_NAMES[target].split() if name in plain)
    return next((name for name in names if name not in taken), None)


def _short_name(column: str) -> str:
    """The name without what stands in parentheses or after a comma; of a part of an object its key, but no id, name."""
    whole, _, key = column.rpartition(".")
    if whole and re.fullmatch(r"\$?[\w-]+", key):
        if key.isdecimal() or key.startswith("$"):  # an element of a list; a typed value of MongoDB
            return _short_name(whole)
        owner = whole.rpartition(".")[2] if key == "id" and "." in whole else None  # order.customer.id is a customer's
        return plain_name(f"{owner} id") if owner else "" if key in ("id", "name") else plain_name(key)
    return plain_name(re.split(r"[(,\[]", column)[0])


def guess_columns(targets: Iterable[str], columns: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """The column of each target: the given one, else one with a usual name that no target before it has."""
    column_by_target = dict(given)
    for target in targets:
        taken = {part.strip() for source in column_by_target.values() for part in source.split("+")}
        if target not in given and (name := guess_column(target, columns, taken)):
            column_by_target[target] = name
    return column_by_target
