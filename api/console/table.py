"""Table of the console's pages: a page is a module of `api.console.pages` and a row here."""

from api.console.page import ConsolePage
from api.console.pages import customers

PAGES: tuple[ConsolePage, ...] = (customers.PAGE,)
