"""Stores: event log, items and customers in SQLite or PostgreSQL."""
