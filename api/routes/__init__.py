"""What the service answers to, a file per kind of question."""
