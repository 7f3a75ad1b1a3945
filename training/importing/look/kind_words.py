"""Guess of event kinds: the words by which shops and published data sets call them."""

from collections.abc import Iterable

from recsys.data.files.column_names import plain_name

# As `plain_name` writes them.
WORDS = {
    "view": "view views pageview viewitem itemview productview viewproduct detail detailview productdetail visit pv "
    "viewed productviewed seen ansicht aufruf vue",
    "click": "click clicks clicked selectitem productclick productclicked itemclick klick clic",
    "cart": "cart carts addtocart addcart cartadd basket addtobasket addedtocart productadded atc warenkorb panier",
    "wishlist": "wishlist addtowishlist productaddedtowishlist favorite favourite fav like save saved merkliste",
    "purchase": "purchase purchases purchased buy bought order orders ordered transaction sale sales sold conversion "
    "payment ordercompleted kauf bestellung auftrag verkauf achat commande vente compra venta",
    "return": "return returns returned refund refunded orderrefunded creditnote gutschrift storno iade retoure "
    "ruckgabe retour devolucion reso",
    "rating": "rating ratings rate rated review bewertung avis",
    "impression": "impression impressions viewitemlist productlistviewed shown viewlist",
    "dismiss": "dismiss dismissed hide hidden notinterested dislike",
}
KIND_BY_WORD = {word: kind for kind, words in WORDS.items() for word in words.split()}


def guess_kinds(words: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """The kind of each word, without those that are kinds themselves; and the words that are none of them."""
    kinds, unknown = {}, []
    for word in words:
        kind = KIND_BY_WORD.get(plain_name(word))
        if kind is None:
            unknown.append(word)
        elif word.lower() != kind:
            kinds[word] = kind
    return kinds, unknown
