"""Counted rows of the key figures: what a release keeps of the log, and how newer events are added to it."""
