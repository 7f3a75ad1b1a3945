"""What happened in the shop: events, items, customers, and the matrices made of them."""
