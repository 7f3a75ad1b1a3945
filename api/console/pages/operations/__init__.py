"""Pages of operators: health and releases, keys, imports."""
