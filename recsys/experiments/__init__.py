"""Experiments (A/B tests) of the engine: their definition, state, split of customers, interleaving and result."""
