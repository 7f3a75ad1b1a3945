"""Commands that import, check, train and tune."""
