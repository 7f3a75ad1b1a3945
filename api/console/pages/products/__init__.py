"""Pages about products: what will sell, pairs, movers, and one product."""
