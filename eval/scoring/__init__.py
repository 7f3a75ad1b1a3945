"""Scoring: scores per customer to means, intervals, paired comparisons and groups, for every kind of evaluation."""
