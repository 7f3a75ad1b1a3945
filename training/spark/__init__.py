"""Spark backend of the training: events are read, weighted and learnt from on a cluster."""
