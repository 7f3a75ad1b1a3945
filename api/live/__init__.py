"""Live state of a worker: release, rules, user state and recent answers."""
