"""Customers at any earlier day: the orders that a release keeps, and what changed between two moments."""
