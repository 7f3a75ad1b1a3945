"""Statistics of experiments: who is drawn, how many are needed, and what a difference says; no store, no log."""
