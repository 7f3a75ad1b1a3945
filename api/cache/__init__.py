"""Caches of answers: in memory and in Redis."""
