"""Evaluation: which model is better, for whom, by how much."""
