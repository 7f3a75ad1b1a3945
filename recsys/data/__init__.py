"""Data of a shop: events, items, customers, stores, and the datasets built from them."""
