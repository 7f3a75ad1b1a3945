"""Schemas of what was judged: evaluations, verdicts of the gate, and answers that were replayed."""
