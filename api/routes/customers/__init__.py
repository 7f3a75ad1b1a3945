"""Routes about customers: the card, the sums of all, needs."""
