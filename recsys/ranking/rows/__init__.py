"""Rows (carousels): several titled lists for one query."""
