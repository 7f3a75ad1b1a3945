"""Merchandising rules: model, parser, repository, schedule, and their application to a query."""
