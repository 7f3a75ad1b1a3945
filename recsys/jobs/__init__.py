"""Jobs: the recording of their runs, the last lines of their logs, and notifications of their ends."""
