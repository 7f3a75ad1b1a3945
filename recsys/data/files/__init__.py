"""Files of a shop: readers, column mapping and timestamps."""
