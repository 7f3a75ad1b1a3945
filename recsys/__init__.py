"""The recommendation engine that a shop runs itself."""
