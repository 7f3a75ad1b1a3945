"""Schemas about promotions."""
