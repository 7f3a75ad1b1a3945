"""Schemas of customers: the card of one, sums of all, needs."""
