"""Backups of a home: made while it serves, checked by a trial restore, and restored."""
