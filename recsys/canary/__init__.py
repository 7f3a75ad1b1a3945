"""Canary: a release that serves a share of the customers beside the live one; its state, its split, its guardrails."""
