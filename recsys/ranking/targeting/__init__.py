"""Targeting: purchase probabilities, audiences, look-alikes, and re-ranking of a given list."""
