"""Answer log: which lists were served to whom, and the attribution of purchases to them."""
