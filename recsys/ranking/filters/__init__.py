"""Filters: expressions over fields and attributes, and the eligibility mask they give."""
