"""Schemas of customers: the card of one."""
