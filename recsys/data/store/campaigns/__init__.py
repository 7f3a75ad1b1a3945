"""Campaigns in a store: their documents, who was drawn into which arm, and the contacts of customers."""
