"""Re-ranking: constraints, boosts, diversity and impression discounting over scored candidates."""
