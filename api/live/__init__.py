"""Live state of a worker: release, rules, user state, event cache, erasures and recent answers."""
