"""Needs of a customer, and reminders of all: at most one a week, of those who may be written to."""
