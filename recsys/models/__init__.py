"""Recommendation models: one algorithm per file, a learner and the model it fits."""
