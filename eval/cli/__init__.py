"""Commands that evaluate and compare."""
