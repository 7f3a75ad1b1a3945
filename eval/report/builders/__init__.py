"""Report builders: from an evaluation to the content of its page."""
