"""Promotions: offers of marketers, their ranking for one customer, redemptions, budgets and proposals."""
