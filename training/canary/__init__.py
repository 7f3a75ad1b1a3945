"""Judging a canary: what its customers clicked and bought beside those of the live release, and the end of it."""
