"""Look at a file before it is imported: a guess of its columns and its format."""
