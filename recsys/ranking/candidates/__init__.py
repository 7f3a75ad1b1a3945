"""Candidate generation: sources, the pipeline that mixes them, and the fallback levels."""
