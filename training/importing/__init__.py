"""Import of a shop's files: events, items and customers, validated line by line."""
