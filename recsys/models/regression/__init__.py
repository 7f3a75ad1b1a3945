"""Ridge regressions of items on items: one of all items at once, and one of each item on those nearest to it."""
