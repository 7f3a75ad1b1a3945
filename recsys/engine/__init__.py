"""The engine: a loaded release with its models, indexes and histories."""
