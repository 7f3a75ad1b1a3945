"""Commands about promotions: the file of them, offers of one customer, and proposals."""
