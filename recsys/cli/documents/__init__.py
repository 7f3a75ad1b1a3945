"""Commands on versioned documents: rules, and what segments and promotions share with them."""
