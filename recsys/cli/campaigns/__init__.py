"""Commands about campaigns: planned, drawn, exported and closed."""
