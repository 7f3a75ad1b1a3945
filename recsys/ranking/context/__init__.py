"""Query context: the customer's history, eligibility and features that every candidate source reads."""
