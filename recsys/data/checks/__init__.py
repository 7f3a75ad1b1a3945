"""What is odd about a shop's data, counted and named, before anything is learnt from it."""
