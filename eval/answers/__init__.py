"""Off-policy evaluation: what rules or placements would have earned, from the probabilities in the answer log."""
