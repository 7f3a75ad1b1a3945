"""Dataset: numbered interactions, histories, ratings and features built from a log."""
