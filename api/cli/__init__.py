"""Commands of the service: serve, keys, users, doctor."""
