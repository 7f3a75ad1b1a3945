"""Diagnostics: why an item is not in a list, and what rules would change."""
