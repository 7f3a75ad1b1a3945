"""Privacy: data export and erasure."""
