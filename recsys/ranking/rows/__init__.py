"""Rows (carousels): several titled lists on one page."""
