"""Evaluations that an operator starts in the console."""
