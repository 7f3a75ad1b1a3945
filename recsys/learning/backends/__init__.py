"""Training backends: what reads the events and fits the models of a training."""
