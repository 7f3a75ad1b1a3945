"""Authentication and authorization with API keys."""
