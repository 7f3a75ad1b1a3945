"""Jobs about customers: warnings."""
