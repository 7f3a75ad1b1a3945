"""Training: imports data, trains and publishes releases."""
