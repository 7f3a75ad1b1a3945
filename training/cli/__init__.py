"""Commands that import, check, train, tune and manage releases."""
