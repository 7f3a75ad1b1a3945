"""Which model is better, for whom, by how much."""
