"""Recommendation models: one algorithm per file, a learner and the model it fits.

Shared by all: base, candidates, event_weights, hyperparameters, neighbour_table, serialization, als_solver, ridge.
registry: the table of algorithms; search_space: the values that a hyperparameter search tries.
"""
