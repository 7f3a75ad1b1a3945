"""Metrics: accuracy and beyond accuracy."""
