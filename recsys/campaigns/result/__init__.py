"""Result of a campaign: what it changed per customer and in all, with intervals, or why that cannot be known."""
