"""Evaluation on given train and test files."""
