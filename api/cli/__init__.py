"""Commands of the service: serve, keys, users, shown, doctor."""
