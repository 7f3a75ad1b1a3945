"""Gate between a trained release and the shop: comparison with the live one, floors, guardrails, and the verdict."""
