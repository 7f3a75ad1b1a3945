"""Commands about customers: the card of one, and all of them."""
