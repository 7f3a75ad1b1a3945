"""Releases beside the live one that a share of the customers gets: a canary, the arms of an experiment."""
