"""Customers in a store beside their events: facts, and the history of their consent."""
