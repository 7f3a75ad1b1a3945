"""Evaluation of rating prediction."""
