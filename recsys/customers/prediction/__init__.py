"""Predictions about customers: value, churn, needs, propensity, clusters and look-alikes, as numbers in and out."""
