"""Ranking: from a query to a list of recommendations, by filters, candidate sources, rules and reasons."""
