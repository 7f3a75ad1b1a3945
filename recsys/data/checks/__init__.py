"""Data checks: findings about the quality of a shop's data before training."""
