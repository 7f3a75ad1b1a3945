"""The HTTP service a storefront asks."""
