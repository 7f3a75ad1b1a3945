"""Commands that import: the rounds that all tables share, facts and their summary."""
