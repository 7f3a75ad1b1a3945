"""Command `recsys settings`: every setting of every installed package, with where its value came from."""
