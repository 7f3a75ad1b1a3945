"""Options and recording of the commands that are jobs."""
