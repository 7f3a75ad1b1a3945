"""HTTP service: recommendations, events, catalogue and rules of a shop."""
