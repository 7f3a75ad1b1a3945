"""From the event log to a live bundle."""
