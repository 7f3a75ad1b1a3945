"""Routes about promotions: the file of them, and the offers of one customer."""
