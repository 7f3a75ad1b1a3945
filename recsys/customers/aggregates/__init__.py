"""Sums of all customers, with what would tell of few of them hidden."""
