"""Segments of customers: saved conditions over attributes, figures, behaviour and chances, and who is in them."""
