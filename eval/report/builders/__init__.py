"""Report builders: from an evaluation to the story of its page."""
