"""Back-tests of what is said about customers: value, churn, needs, propensity, stages and clusters."""
