"""Catalogue: items on sale as columns, with attributes and cached filter masks."""
