"""Bulk export: the lists of all customers as the service would answer them, and the tables of the shop, as files."""
