"""Learning about customers: churn, value, needs, propensity and clusters, each judged on the past beside its rule."""
