"""Offline learning: hold-out, model selection, ensemble weights and the bundle builder."""
