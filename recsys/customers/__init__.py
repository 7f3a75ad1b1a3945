"""Customers: orders, rhythm, scores, groups, stages and the card of each, as pure functions over arrays."""
